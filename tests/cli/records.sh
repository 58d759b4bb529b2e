# shellcheck shell=bash disable=SC2154,SC2016
# Records: written, read, listed and deleted without a node, with the keys and exit codes of the contract.
record_keys='keys == ["archived", "author", "conflict", "created", "deleted", "fields", "id", "updated", "version"]'

expect 0 a --json init --name kitchen
device=$(answer .device)

# ---- put ----

expect 0 a --json put notes n1 title=Groceries count=3 'list=["a",{"b":null}]' empty= 'text="3"' \
    'bytes={"$bytes":"AAE="}' half=0.5
holds "$record_keys"
holds '.fields == {"title": "Groceries", "count": 3, "list": ["a", {"b": null}], "empty": "", "text": "3",
    "bytes": {"$bytes": "AAE="}, "half": 0.5}'
expect 2 a put large big n=18446744073709551616
complains "too large"
expect 2 a put large big n=1e999
expect 0 a --json put large big 'n="18446744073709551616"' serial=18446744073709551616-7
holds '.fields == {"n": "18446744073709551616", "serial": "18446744073709551616-7"}'
expect 0 a delete large big
expect 0 a --json get notes n1
holds '.id == "n1" and .deleted == false and .archived == false and .conflict == false'
holds '(.version | length) == 1 and (.version[0] | test("^[0-9a-f]{32}-[0-9]+$"))'
holds '.created == .updated and (.created | test("^[0-9]{4}-[0-9-]{5}T[0-9:]{8}[.][0-9]{3}Z$"))'
equal "$(answer .author)" "$device"
version=$(answer '.version[0]')

expect 0 a --json put notes n1 count=4 --unset half --unset nothing --note "one more"
holds '.fields.count == 4 and .fields.title == "Groceries" and (.fields | has("half") | not)'
[ "$(answer '.version[0]')" != "$version" ] || fail "the version did not move"
version=$(answer '.version[0]')
expect 0 a --json put notes n1 count=4
equal "$(answer '.version[0]')" "$version" # nothing changed, nothing was written

expect 0 a --json put notes n2 --data '{"title": "Plan", "count": 1}' count=2
holds '.fields == {"title": "Plan", "count": 2}'
expect 0 a --json put notes n3 --data - <<<'{"title": "From stdin"}'
holds '.fields == {"title": "From stdin"}'
expect 2 a put notes n3 --data - <<<'nothing'
head -c 9000000 /dev/zero | tr '\0' ' ' >"$work/blank"
expect 1 a put notes n3 --data - <"$work/blank"
complains "stdin has more than 8 MiB"
rm "$work/blank"
expect 0 a --json put notes n3 -- --option=value
holds '.fields["--option"] == "value"'
expect 0 a --json put others o1
holds '.fields == {}'

# ---- get ----

expect 0 a --json get notes n1
holds "$record_keys"
equal "$(answer '.version[0]')" "$version"
expect 0 a get notes n1 --json
expect 3 a get notes n9
expect 3 a --json get notes n9
expect 3 a get nowhere n1

# ---- list ----

expect 0 a --json list notes
equal "$(answer .id | paste -sd' ')" "n1 n2 n3"
holds "$record_keys"
expect 0 a --json list notes --limit 2
equal "$(answer .id | paste -sd' ')" "n1 n2"
expect 0 a --json list notes --limit 0
[ ! -s "$work/out" ] || fail "not empty"
expect 0 a --json put notes m1 a=1
expect 0 a --json list notes --prefix n
equal "$(answer .id | paste -sd' ')" "n1 n2 n3"
expect 0 a --json list notes --prefix x
[ ! -s "$work/out" ] || fail "not empty"
expect 0 a --json list notes --from n2
equal "$(answer .id | paste -sd' ')" "n2 n3"
expect 0 a --json list notes --after n1 --limit 1
equal "$(answer .id | paste -sd' ')" "n2"
expect 0 a --json list notes --reverse --after n3
equal "$(answer .id | paste -sd' ')" "n2 n1 m1"
expect 0 a list notes --count --prefix n
equal "$(cat "$work/out")" 3
expect 0 a --json list notes --count --limit 2
holds '. == {"count": 2}'
expect 2 a list notes --from n1 --after n1
expect 0 a archive notes n3
grep -qx "state     archived" "$work/out" || fail "it says: $(grep state "$work/out")"
expect 0 a list notes --count
equal "$(cat "$work/out")" 3
expect 0 a list notes --count --archived
equal "$(cat "$work/out")" 4
at a restore notes n3 >/dev/null
expect 3 a list nowhere
complains "no such collection"

# ---- delete ----

expect 0 a --json delete notes n2
holds "$record_keys"
holds '.deleted == true and .fields == {}'
expect 3 a delete notes n2
expect 3 a delete notes n9
expect 3 a delete nowhere n9
expect 3 a get notes n2
complains deleted
expect 0 a --json list notes
equal "$(answer .id | paste -sd' ')" "m1 n1 n3"
expect 0 a --json list notes --deleted
equal "$(answer 'select(.deleted) | .id' | paste -sd' ')" n2
expect 0 a --json put notes n2 title=Again
holds '.deleted == false and .fields == {"title": "Again"}'

# ---- what may not be ----

# ---- only if nobody else has written meanwhile ----

expect 0 a --json put once a n=1 --if-version none
read=$(answer '.version[0]')
expect 4 a put once a n=2 --if-version none
expect 0 a --json put once a n=2 --if-version "$read"
now=$(answer '.version[0]')
expect 4 a put once a n=3 --if-version "$read"
complains "nothing was written"
expect 4 a put once a n=3 --if-version "$read" --if-version "$now"
expect 4 a delete once a --if-version "$read"
expect 4 a archive once a --if-version "$read"
expect 2 a delete once a --if-version none
expect 0 a --json get once a
holds '.fields.n == 2 and (.archived | not)'
expect 0 a archive once a --if-version "$now"
expect 0 a restore once a
now=$(at a --json get once a | jq -r '.version[0]')
expect 0 a delete once a --if-version "$now"
expect 3 a delete nowhere a
complains "no such collection"

expect 6 a put _devices "$device" name=other
complains "not allowed"
expect 6 a delete _devices "$device"
expect 1 a put notes "$(printf 'i%.0s' $(seq 256))" a=1
complains "an id takes 255 bytes"
expect 1 a put notes n1 --data "$(printf '[%.0s' $(seq 40) | sed 's/^/{"a":/')$(printf ']%.0s' $(seq 40))}"
complains limit

# ---- an answer that nobody takes ----

code=0
at a --json list notes >/dev/full 2>"$work/err" || code=$?
equal "$code" 1
complains "cannot write the answer"
seq 5000 | sed 's/.*/{"id": &, "text": "the text of record &"}/' | at a import many >/dev/null
code=0
{ at a --json list many 2>"$work/err" || echo $? >"$work/code"; } | head -n 1 >/dev/null
[ ! -e "$work/code" ] || fail "exit code $(cat "$work/code") though the reader had what it wanted"
equal "$(cat "$work/err")" ""
