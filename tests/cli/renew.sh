# shellcheck shell=bash disable=SC2154,SC2016
# A new mesh from what a device holds: its records and settings, under a key and a recovery code of its own.
at old init --name kitchen --no-recovery >/dev/null
for i in 1 2 3; do
    expect 0 old put notes "n$i" "text=$i" --note first
done
expect 0 old put notes gone text=x
expect 0 old delete notes gone
expect 0 old archive notes n2
expect 0 old put tools saw 'teeth=[1,2.5,"x"]'
expect 0 old collection set tools strategy keep_both
expect 0 old collection set tools field.teeth union
expect 0 old collection set notes strategy "prefer:kitchen"
at old export notes >"$work/notes"
at old list notes --archived --json | jq -c '[.id, .fields, .archived]' >"$work/records"

"$program" -C "$work/old" --json mesh renew "$work/new" >"$work/out" 2>"$work/err" || fail "renew ended with $?"
holds '(.recovery | test("^P2R1-")) and .name == "kitchen"'
code=$(answer .recovery)
grep -q "1 settings prefer a device of the old mesh" "$work/err" || fail "a setting is lost without a word"
[ "$(answer .mesh)" != "$(at old --json status | jq -r .mesh)" ] || fail "it is the same mesh"
[ "$(answer .device)" != "$(at old --json status | jq -r .device)" ] || fail "it is the same device"
at new export notes | cmp - "$work/notes"
at new list notes --archived --json | jq -c '[.id, .fields, .archived]' | cmp - "$work/records"
expect 0 new --json get tools saw
holds '.fields.teeth == [1, 2.5, "x"]'
expect 0 new --json collection get tools
holds '.strategy == "keep_both" and ."field.teeth" == "union"'
expect 0 new recover --check "$code"
expect 0 old get notes n1

expect 4 old mesh renew "$work/new"
complains "holds a device already"
expect 4 old mesh renew "$work/old"
expect 2 old mesh renew
expect 2 old mesh repair "$work/other"
expect 1 nothing mesh renew "$work/other"
[ ! -e "$work/other" ] || fail "it has made a directory"

# The others join it.
node new
invite=$(at new --json invite --no-wait | jq -r .code)
expect 0 cellar join "$invite" --name cellar
node cellar
in_sync new cellar
expect 0 cellar get notes n3
