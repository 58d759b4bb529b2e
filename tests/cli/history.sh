# shellcheck shell=bash disable=SC2154,SC2016
# A record's past: its history, its versions, what differs, and bringing it back.

at a init --name kitchen >/dev/null
version() {
    at a --json list notes --deleted --archived | jq -r 'select(.id == "n1") | .version[0]'
}

# ---- history ----

at a put notes n1 title=Plan count=1 >/dev/null
first=$(version)
at a put notes n1 count=2 --unset title --note "one more" >/dev/null
second=$(version)
expect 0 a --json archive notes n1 --note "not now"
holds '.archived and .fields == {"count": 2}'
third=$(version)
expect 0 a --json restore notes n1
holds '(.archived | not) and .fields == {"count": 2}'
expect 0 a --json delete notes n1 --note "never"
holds '.deleted'
fifth=$(version)

expect 0 a --json history notes n1
holds 'map(keys == ["auto", "device", "fields", "name", "note", "op", "parents", "time", "unset", "version"]) | all'
holds 'map(.op) == ["delete", "restore", "archive", "update", "create"]'
holds 'map(.note) == ["never", null, "not now", "one more", null]'
holds 'map(.fields) == [{}, {}, {}, {"count": 2}, {"count": 1, "title": "Plan"}]'
holds 'map(.unset) == [[], [], [], ["title"], []]'
holds '[.[:-1][].parents] == [.[1:][].version | [.]] and .[-1].parents == []'
holds 'map(.time | test("^[0-9]{4}-[0-9-]{5}T[0-9:]{8}[.][0-9]{3}Z$")) | all'
holds 'map(.name == "kitchen" and (.device | length) == 64) | all'
equal "$(answer '.[0].version')" "$fifth"
expect 0 a history notes n1
equal "$(sed -n 1p "$work/out" | tr -s ' ')" "VERSION TIME DEVICE OP CHANGES"
grep -q "^${second:0:7}-${second##*-}  [0-9: -]*  kitchen  update   count=2 -title (one more)$" "$work/out" || fail "not aligned"
says "${fifth:0:7}-${fifth##*-}"
expect 3 a history notes n9
expect 3 a history nowhere n1

# ---- versions ----

expect 0 a --json get notes n1 --version "$first"
holds '.fields == {"title": "Plan", "count": 1} and (.deleted | not)'
equal "$(answer '.version | join(" ")')" "$first"
expect 0 a get notes n1 --version "$third"
says "state     archived"
expect 3 a get notes n1 --version "$fifth"
complains "this version deleted it"
expect 3 a get notes n1
complains "p2psync restore"
expect 3 a get notes n1 --version "${first%-*}-99"
complains "p2psync history notes n1"
expect 3 a get notes n1 --version "00112233445566778899aabbccddeeff-0"
expect 3 a get notes n2 --version "$first"
at a put notes n2 a=1 >/dev/null
expect 3 a get notes n2 --version "$first"

# ---- what differs ----

expect 0 a --json diff notes n1 "$first" "$second"
holds '.added == {} and .changed == {"count": {"from": 1, "to": 2}} and .removed == {"title": "Plan"}'
equal "$(answer '"\(.from | join(" ")) \(.to | join(" "))"')" "$first $second"
expect 0 a --json diff notes n1 "$second" "$first"
holds '.added == {"title": "Plan"} and .changed == {"count": {"from": 2, "to": 1}} and .removed == {}'
expect 0 a --json diff notes n1 "$first"
holds '.removed == {"title": "Plan", "count": 1}'
expect 0 a --json diff notes n1
holds '.removed == {"count": 2} and .added == {} and .changed == {}'
expect 0 a diff notes n1 "$first" "$second"
says "~ count = 1 -> 2"
says "- title = Plan"
expect 0 a diff notes n1 "$second" "$third"
says "no field differs"
expect 3 a diff notes n1 "${first%-*}-99"
expect 3 a diff notes n2 "$first"

# ---- bringing back ----

expect 0 a --json restore notes n1 --note "after all"
holds '.fields == {"count": 2} and (.deleted | not)'
expect 0 a --json restore notes n1 --version "$first"
holds '.fields == {"title": "Plan", "count": 1}'
before=$(version)
expect 0 a --json restore notes n1 --version "$first"
expect 0 a --json restore notes n1
equal "$(version)" "$before"
expect 3 a restore notes n1 --version "$fifth"
expect 3 a restore notes n9
expect 3 a restore nowhere n9
expect 6 a restore _devices n9
expect 3 a archive notes n9

# ---- thousands of changes, which come in pages, and values that a terminal would obey ----

seq 3000 | sed 's/.*/{"id": "x", "n": &}/' | at a import many >/dev/null
expect 0 a --json history many x
holds 'length == 3000 and [.[].fields.n] == [range(3000; 0; -1)]'
expect 0 a history many x
equal "$(wc -l <"$work/out")" 3001
expect 0 a --json history many x --limit 2000
holds 'length == 2000 and .[1999].fields.n == 1001'
expect 0 a --json history many --limit 1500
holds 'length == 1500 and .[1499].fields.n == 1501 and .[0].id == "x"'
expect 0 a --json history many x --since 2100-01-01
holds '. == []'
oldest=$(at a --json history many x | jq -r '.[2999].version')
expect 0 a --json get many x --version "${oldest:0:32}-0"
holds '.fields.n == 1'
at a put notes evil $'text=\e[31mred' --note $'\e[0m' >/dev/null
expect 0 a history notes evil
! grep -q $'\e' "$work/out" || fail "the terminal would obey"
expect 0 a diff notes evil
! grep -q $'\e' "$work/out" || fail "the terminal would obey"
at a put notes long "text=$(printf 'ü%.0s' $(seq 100))" >/dev/null
expect 0 a history notes long
says "text=$(printf 'ü%.0s' $(seq 100))" # nothing is cut without a terminal
