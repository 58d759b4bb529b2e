# shellcheck shell=bash disable=SC2154,SC2016
# Concurrent edits by two devices: what each strategy shows, what is told of a conflict, and how it ends.

at a init --name kitchen >/dev/null
node a
listen a
code=$(at a --json invite --no-wait | jq -r .code)
at b join "$code" --name cellar >/dev/null
address=$(ss -Hltnp 2>/dev/null | sed -n "s/.*\(127.0.0.1:[0-9]*\) .*pid=$node,.*/\1/p" | head -n 1)

# together: b runs, and both hold the same. apart: b does not run, and both write for themselves.
together() {
    node b --peer "${address:-127.0.0.1}"
    at b --json now >/dev/null
}
apart() {
    at b stop >/dev/null
    wait "$node"
}
# begin COLLECTION STRATEGY: a record n1 that both hold, and then edit apart: kitchen earlier than cellar.
begin() {
    at a collection set "$1" strategy "$2" >/dev/null
    at a put "$1" n1 title=Plan left=1 >/dev/null
    at b --json now >/dev/null
    apart
    at a put "$1" n1 title=Kitchen >/dev/null
    at b put "$1" n1 title=Cellar right=1 >/dev/null
    together
}
version_of() { # COLLECTION NAME: the version by that device
    at a --json conflicts "$1" | jq -r ".[].versions[] | select(.name == \"$2\") | .version"
}
same() { # COLLECTION FILTER: so it is of the conflicts on both
    for device in a b; do
        expect 0 $device --json conflicts "$1"
        holds "$2"
    done
}
shown() { # FIELDS
    for device in a b; do
        expect 0 $device --json get "$strategy" n1
        holds ".fields == $1"
    done
}
together

# ---- none ----

expect 0 a --json conflicts
equal "$(cat "$work/out")" "[]"
expect 0 a conflicts
says "no conflicts"
expect 3 a conflicts nowhere

# ---- manual ----

strategy=manual
begin manual manual
await conflict_detected '.collection == "manual" and .id == "n1" and (.versions | length) == 2'
shown '{"title": "Cellar", "left": 1, "right": 1}'
same manual 'length == 1 and .[0].collection == "manual" and .[0].id == "n1" and .[0].strategy == "manual"'
same manual '.[0].base == {"title": "Plan", "left": 1}'
same manual '.[0].versions | map([.name, .changed]) == [["kitchen", ["title"]], ["cellar", ["right", "title"]]]'
same manual '.[0].versions[0].fields == {"title": "Kitchen", "left": 1}'
same manual '.[0] | .conflict and .open and .shown == .versions[1].version'
same manual '.[0].versions | map((.device | length) == 64 and (.time | test("Z$")) and
    ([.deleted, .archived, .auto] | any | not) and (.fingerprint | test("^....-....-....-....$"))) | all'
same manual '.[0].merged == {"title": "Cellar", "left": 1, "right": 1}'
expect 0 a --json conflicts
holds 'length == 1'
expect 0 a conflicts
short() { # VERSION
    echo "${1:0:7}-${1##*-}"
}
says "manual n1: manual shows $(short "$(version_of manual cellar)"); 'p2psync resolve' ends it"
grep -qE '^base +- +- +left=1 title=Plan$' "$work/out" || fail "no base"
grep -qE "^$(short "$(version_of manual kitchen)") +[0-9: -]+ +kitchen +title=Kitchen\$" "$work/out" || fail "no version"
expect 0 a --json status
holds '.collections[] | select(.name == "manual") | .conflicts == 1'
expect 0 a --json peers
holds '.[0].conflicts == 1'
expect 0 a peers
says CONFLICTS

# A plain edit is made on top of what is shown, and ends nothing.
at b put manual n1 more=1 >/dev/null
at b --json now >/dev/null
shown '{"title": "Cellar", "left": 1, "right": 1, "more": 1}'
same manual 'length == 1 and (.[0].versions | length) == 2'

# Resolved there, it is resolved here, once.
expect 2 b resolve manual n1
expect 2 b resolve manual n1 --merge --data '{}'
expect 3 b resolve manual n1 --take 12-3
complains "no device"
expect 3 b resolve manual n1 --take attic
expect 2 b resolve manual n1 --data '[1]'
expect 3 b resolve manual n1 --take 00112233445566778899aabbccddeeff-0
expect 3 b resolve manual n9 --merge
expect 3 b resolve nowhere n1 --merge
expect 6 b resolve _devices n1 --merge
expect 0 b --json resolve manual n1 --take "$(version_of manual kitchen)" --note "as it was"
holds '.fields == {"title": "Kitchen", "left": 1} and (.conflict | not) and (.version | length) == 1'
await conflict_resolved '.collection == "manual" and .id == "n1"'
equal "$(jq -r .version <<<"$line")" "$(answer '.version[0]')"
version=$(answer '.version[0]')
at b --json now >/dev/null
shown '{"title": "Kitchen", "left": 1}'
same manual '. == []'
expect 4 a resolve manual n1 --merge
complains "$version"
expect 0 a --json history manual n1
holds '.[0].note == "as it was" and (.[0].parents | length) == 2'

# ---- last_write_wins, auto_merge, and the strategy changed while it is a conflict ----

strategy=lww
begin lww last_write_wins
await conflict_detected '.collection == "lww"'
shown '{"title": "Cellar", "left": 1, "right": 1}'
same lww '.[0].open | not'
kitchen=$(at a --json devices | jq -r '.[] | select(.name == "kitchen") | .device')
expect 0 b --json collection set lww strategy prefer:kitchen
holds ".strategy == \"prefer:$kitchen\""
expect 0 b collection get lww
says "prefer:kitchen"
expect 0 b collection list
says "prefer:kitchen"
expect 0 b status
says "prefer:kitchen"
expect 0 b conflicts lww
says "lww n1: prefer:kitchen shows"
at b --json now >/dev/null
shown '{"title": "Kitchen", "left": 1}'
expect 0 a --json collection set lww strategy manual
at b --json now >/dev/null
shown '{"title": "Cellar", "left": 1, "right": 1}'
same lww '.[0].open'
expect 0 a --json collection set lww strategy null
holds '.strategy == "auto_merge"'
at b --json now >/dev/null
shown '{"title": "Cellar", "left": 1, "right": 1}'
same lww '.[0].strategy == "auto_merge" and (.[0].open | not)'
# The next edit ends one that is not open.
at a put lww n1 more=1 >/dev/null
await conflict_resolved '.collection == "lww"'
at b --json now >/dev/null
shown '{"title": "Cellar", "left": 1, "right": 1, "more": 1}'
same lww '. == []'

# ---- what merges cleanly is no conflict, and no event tells of one ----

at a put clean n1 a=1 b=1 >/dev/null
at b --json now >/dev/null
apart
at a put clean n1 a=2 >/dev/null
at b put clean n1 b=2 >/dev/null
together
at a put clean end a=1 >/dev/null
until next_line "$events" && jq -e '.collection == "clean" and .id == "end"' <<<"$line" >/dev/null; do
    ! grep -q '"event":"conflict' <<<"$line" || fail "no conflict: $line"
done
strategy=clean
shown '{"a": 2, "b": 2}'
expect 0 a --json get clean n1
holds '(.version | length) == 2 and (.conflict | not)'
same clean '. == []'
expect 0 a --json status
holds '.collections[] | select(.name == "clean") | .conflicts == 0'
expect 0 a --json resolve clean n1 --data '{"a": 3}'
holds '.fields == {"a": 3} and (.version | length) == 1'

# ---- keep_both ----

strategy=both
begin both keep_both
await conflict_detected '.collection == "both"'
shown '{"title": "Cellar", "left": 1, "right": 1}'
other=$(version_of both kitchen)
for device in a b; do
    expect 0 $device --json get both "n1@$other"
    holds ".fields == {\"title\": \"Kitchen\", \"left\": 1} and .version == [\"$other\"] and .conflict"
    expect 0 $device --json list both
    equal "$(answer .id)" "n1"$'\n'"n1@$other"
    expect 0 $device --json list both --limit 1
    equal "$(answer .id)" n1
    expect 0 $device --json list both --prefix "n1@"
    equal "$(answer .id)" "n1@$other"
    expect 0 $device --json list both --prefix "n1@${other%?}"
    equal "$(answer .id)" "n1@$other"
    expect 0 $device --json list both --prefix "n1@x"
    equal "$(cat "$work/out")" ""
done
expect 0 a list both --conflicts --count
equal "$(cat "$work/out")" 1
expect 0 a list both
says "(conflict)"
expect 3 a get both "n1@$(version_of both cellar)"
expect 3 a get both "n2@$other"
expect 1 a archive both "n1@$other"
complains "copy"
expect 1 a resolve both "n1@$other" --merge
complains "resolve 'n1'"
expect 3 a delete both "n1@00112233445566778899aabbccddeeff-0"
expect 1 a import both <<<"{\"id\": \"n1@$other\"}"
complains "@VERSION"
expect 0 a --json export both
equal "$(answer .id)" "n1"$'\n'"n1~$other"

# To edit a copy makes a record of it, and that ends the conflict, there too.
expect 0 a --json put both "n1@$other" more=1
holds ".id == \"n1~$other\" and .fields == {\"title\": \"Kitchen\", \"left\": 1, \"more\": 1} and (.conflict | not)"
await conflict_resolved '.collection == "both" and .id == "n1"'
at b --json now >/dev/null
expect 0 b --json list both
equal "$(answer .id)" "n1"$'\n'"n1~$other"
shown '{"title": "Cellar", "left": 1, "right": 1}'
same both '. == []'

# To delete one ends it as well.
strategy=both2
begin both2 keep_both
await conflict_detected '.collection == "both2"'
other=$(version_of both2 kitchen)
expect 0 b --json delete both2 "n1@$other"
holds '.id == "n1" and (.conflict | not)'
await conflict_resolved '.collection == "both2"'
at b --json now >/dev/null
shown '{"title": "Cellar", "left": 1, "right": 1}'
for command in get history diff; do
    expect 3 a $command both2 "n1@$other"
    complains "copy of a version"
done
expect 0 a --json list both2
equal "$(answer .id)" n1

# ---- a delete against an edit: the edit is shown, and it says so ----

at a put deleted n1 a=1 >/dev/null
at b --json now >/dev/null
apart
at a delete deleted n1 >/dev/null
at b put deleted n1 a=2 >/dev/null
together
strategy=deleted
shown '{"a": 2}'
same deleted '.[0].versions | map([.name, .deleted, .changed]) == [["kitchen", true, []], ["cellar", false, ["a"]]]'
expect 0 a conflicts deleted
says "(deleted)"
expect 0 a --json resolve deleted n1 --take "$(version_of deleted kitchen)"
holds '.deleted'
at b --json now >/dev/null
expect 3 b get deleted n1

# ---- rules for fields ----

for rule in tags:union count:counter high:max low:min text:text; do
    at b collection set rules "field.${rule%:*}" "${rule#*:}" >/dev/null
done
at b put rules n1 'tags=["a"]' count=1 high=1 low=1 'text="one\ntwo\nthree\n"' >/dev/null
at b put rules n2 'text="one\n"' >/dev/null
at b --json now >/dev/null
apart
at a put rules n1 'tags=["a","b"]' count=2 high=3 low=0 'text="ONE\ntwo\nthree\n"' >/dev/null
at b put rules n1 'tags=["a","c"]' count=2 high=2 low=-1 'text="one\ntwo\nTHREE\n"' >/dev/null
at a put rules n2 'text="uno\n"' >/dev/null
at b put rules n2 'text="eins\n"' >/dev/null
together
strategy=rules
shown '{"tags": ["a", "b", "c"], "count": 3, "high": 3, "low": -1, "text": "ONE\ntwo\nTHREE\n"}'
same rules 'map(.id) == ["n2"] and .[0].open and .[0].merged.text == "uno\neins\n"'
# For people both sides stand between markers; the value has none.
kitchen=$(version_of rules kitchen)
cellar=$(version_of rules cellar)
marked="<<<<<<< kitchen/$kitchen
uno
=======
eins
>>>>>>> cellar/$cellar"
for device in a b; do
    expect 0 $device --json conflicts rules
    equal "$(answer '.[0].marked.text')" "$marked"
    equal "$(answer '.[0].marked | keys[]')" text
    expect 0 $device conflicts rules
    equal "$(tail -n 6 "$work/out")" "  text ="$'\n'"$(sed 's/^/    /' <<<"$marked")"
    expect 0 $device get rules n2
    equal "$(tail -n 6 "$work/out")" "  text ="$'\n'"$(sed 's/^/    /' <<<"$marked")"
    ! grep -q 'text = ' "$work/out" || fail "shown twice"
    expect 0 $device --json get rules n2
    holds '.fields.text == "uno\neins\n"'
done
at a put rules n2 other=1 >/dev/null
expect 0 a --json conflicts rules
holds 'map(.id) == ["n2"]'
expect 0 a --json resolve rules n2 --data - <<<'{"text": "ein\n"}'
holds '.fields == {"text": "ein\n"} and (.conflict | not)'

# ---- values that a terminal would obey, and counts over several ----

at a collection set evil strategy manual >/dev/null
at b --json now >/dev/null
apart
at a put evil $'n\e[1m' $'text=\e[31mred' >/dev/null
at b put evil $'n\e[1m' $'text=\e[32mgreen' >/dev/null
at a put evil n2 a=1 >/dev/null
at b put evil n2 a=2 >/dev/null
together
expect 0 a conflicts
! grep -q $'\e' "$work/out" || fail "the terminal would obey"
says "none"
same evil 'map(.id) == ["n\u001b[1m", "n2"] and map(.base) == [null, null]'
expect 0 a --json peers
holds '.[0].conflicts == 2'

# ---- automatic answers: the history tells them apart ----

at a put answered n1 a=0 >/dev/null
at b --json now >/dev/null
apart
at b config set on_conflict remote >/dev/null
at b config set on_conflict_wait_ms 50 >/dev/null
at a put answered n1 a=1 >/dev/null
at b put answered n1 a=2 >/dev/null
together
await conflict_resolved '.collection == "answered"'
expect 0 a history answered n1
sed -n 2p "$work/out" | grep -q '  cellar (automatic)  update  *a=1$' || fail "not told"
