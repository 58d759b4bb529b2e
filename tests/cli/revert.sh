# shellcheck shell=bash disable=SC2154,SC2016
# Undoing what one of two devices did: told first, then done, and kept is what the other has changed since.

at a init --name kitchen >/dev/null
at a put notes n1 a=1 b=1 >/dev/null
at a put notes n2 a=1 >/dev/null
at a put tasks t1 a=1 >/dev/null
node a
listen a
code=$(at a --json invite --no-wait | jq -r .code)
at b join "$code" --name cellar >/dev/null
address=$(ss -Hltnp 2>/dev/null | sed -n "s/.*\(127.0.0.1:[0-9]*\) .*pid=$node,.*/\1/p" | head -n 1)
node b --peer "${address:-127.0.0.1}"
await peer_up '.name == "cellar"'
at b --json now >/dev/null

# ---- what cellar does, and kitchen after it ----

at b put notes n1 a=2 b=2 c=2 >/dev/null
at b delete notes n2 >/dev/null
at b put notes n3 a=2 >/dev/null
at b archive tasks t1 >/dev/null
at b --json now >/dev/null
at a put notes n1 b=3 >/dev/null
at a --json now >/dev/null
expect 0 a --json history notes n1
holds 'map(.name) == ["kitchen", "cellar", "kitchen"]'

# ---- who did what since when ----

expect 0 a --json history notes n1 --device cellar
holds 'map(.name) == ["cellar"] and .[0].fields == {"a": 2, "b": 2, "c": 2}'
expect 0 a --json history notes --device cellar
holds 'map("\(.id) \(.op)") | sort == ["n1 update", "n2 delete", "n3 create"]'
holds '[.[].time] | . == (sort | reverse)'
expect 0 a --json history notes
holds 'length == 6'
newest=$(answer '.[0].version')
third=$(answer '.[2].time')
expect 0 a --json history notes --limit 1
holds "length == 1 and .[0].version == \"$newest\" and .[0].id == \"n1\""
expect 0 a --json history notes --limit 0
holds '. == []'
expect 0 a --json history notes --since "$third"
holds "length >= 3 and all(.time >= \"$third\")"
expect 0 a --json history notes n1 --since "$third" --device kitchen
holds 'map(.fields) == [{"b": 3}]'
expect 0 a --json history notes --since 2100-01-01
holds '. == []'
expect 0 a history notes --device cellar
equal "$(sed -n 1p "$work/out" | tr -s ' ')" "ID VERSION TIME DEVICE OP CHANGES"
grep -qE '^n2 +[0-9a-f]+-[0-9]+ .* cellar +delete' "$work/out" || fail "not shown"
expect 3 a history notes --device nobody
complains "there is no device 'nobody'"
expect 3 a history nowhere

# ---- only told ----

root() {
    at "$1" --json status | jq -r .root
}
before=$(root a)
expect 0 a --json revert --device cellar --since 1h --dry-run
holds 'map(keys == ["collection", "fields", "id", "kept", "op", "unset"]) | all'
holds 'map({(.id): [.collection, .op, .fields, .unset, .kept]}) | add == {
    "n1": ["notes", "update", {"a": 1}, ["c"], ["b"]], "n2": ["notes", "restore", {"a": 1}, [], []],
    "n3": ["notes", "delete", {}, [], []], "t1": ["tasks", "restore", {}, [], []]}'
told=$(cat "$work/out")
expect 0 a revert --device cellar --since 1h --dry-run
equal "$(sed -n 1p "$work/out" | tr -s ' ')" "COLLECTION ID OP KEPT CHANGES"
grep -qE '^notes +n1 +update +\["b"\] +a=1 -c$' "$work/out" || fail "not told"
expect 0 a --json revert --device cellar --since 1h --collection tasks --dry-run
holds 'length == 1 and .[0].id == "t1"'
expect 0 a --json revert --device cellar --since 2100-01-01T00:00:00Z --dry-run
holds '. == []'
equal "$(root a)" "$before"

# ---- done ----

fingerprint=$(at a --json devices | jq -r '.[] | select(.name == "cellar") | .fingerprint')
expect 0 a --json revert --device "$fingerprint" --since 1970-01-01T00:00:00Z --note "a mistake"
equal "$(cat "$work/out")" "$told"
at a --json now >/dev/null
for device in a b; do
    expect 0 $device --json get notes n1
    holds '.fields == {"a": 1, "b": 3}'
    expect 0 $device --json get notes n2
    holds '.fields == {"a": 1}'
    expect 3 $device get notes n3
    expect 0 $device --json get tasks t1
    holds '.archived | not'
    expect 0 $device --json history notes n2
    holds '.[0].note == "a mistake" and .[0].op == "restore" and .[0].name == "kitchen"'
done
before=$(root a)
expect 0 a revert --device cellar --since 1h
! grep -q "done:" "$work/out" || fail "there was nothing left to undo"
equal "$(root a)" "$before"
at b put tasks t2 a=1 >/dev/null
at b --json now >/dev/null
expect 0 a revert --device cellar --since 1h
grep -qE '^tasks +t2 +delete +- +$' "$work/out" || fail "not told first"
equal "$(tail -n 1 "$work/out")" "done: 1 record"
expect 3 a get tasks t2
expect 0 a revert --device kitchen --since 2100-01-01T00:00:00.5+02:00
says "there is nothing to undo"

# ---- since when, to the millisecond, in any zone ----

at b put tasks t3 a=1 >/dev/null
at b --json now >/dev/null
time=$(at a --json history tasks t3 | jq -r '.[0].time')
seconds=$(date -u -d "$time" +%s)
ms=$((10#$(date -u -d "$time" +%3N)))
next=$(date -u -d "@$((seconds + (ms + 1) / 1000)).$(printf %03d $(((ms + 1) % 1000)))" +%FT%T.%3NZ)
for since in "$time" "$(TZ=UTC-2 date -d "$time" +%FT%T.%3N)+02:00" "$(TZ=UTC+3:30 date -d "$time" +%Ft%T.%3N)456-03:30" \
    "$(date -u -d "$time" +%FT%Tz)"; do
    expect 0 a --json revert --device cellar --collection tasks --since "$since" --dry-run
    holds 'map(.id) | contains(["t3"])'
done
expect 0 a --json revert --device cellar --collection tasks --since "$next" --dry-run
holds '. == []'

# ---- who is meant ----

cellar=$(at a --json devices | jq -r '.[] | select(.name == "cellar") | .fingerprint')
kitchen=$(at a --json devices | jq -r '.[] | select(.name == "kitchen") | .fingerprint')
expect 3 a revert --device "${cellar:0:9}" --since 1h
complains "this is the beginning only of a fingerprint: $cellar; give the fingerprint or the id"
expect 0 a --json history notes --device "${cellar:0:9}"
holds 'length > 0 and all(.name == "cellar")'
at a devices rename kitchen attic >/dev/null
at a devices rename cellar kitchen >/dev/null
expect 3 a revert --device kitchen --since 1h
complains "several devices are, or were, called so: "
complains "$cellar"
complains "$kitchen"
expect 3 a devices rename kitchen cellar
complains "several devices are, or were, called so: "
at a devices rename "$cellar" cellar >/dev/null
expect 3 a revert --device kitchen --since 1h
expect 0 a revert --device cellar --since 2100-01-01

# ---- what may not be ----

expect 3 a revert --device nobody --since 1h
expect 3 a revert --device cellar --since 1h --collection nowhere
expect 6 a revert --device cellar --since 1h --collection _devices

# ---- a clock that is known to be off ----

at a stop >/dev/null
expect 0 a --json peers
cellar=$(answer '.[0].device')
expect 0 a revert --device cellar --since 2h --dry-run
! grep -q clock "$work/out" || fail "a clock that is right is told of"
"$sign" "$work/a" "$cellar" -7200500 skew
expect 0 a revert --device cellar --since 2h --dry-run
says "The clock of cellar was 7200 s behind this one's when they last met. --since goes by it."
"$sign" "$work/a" "$cellar" 61000 skew
expect 0 a revert --device cellar --since 2h --dry-run
says "The clock of cellar was 61 s ahead of this one's when they last met."
expect 0 a --json revert --device cellar --since 2h --dry-run
holds 'type == "array"'
