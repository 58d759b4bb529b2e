# shellcheck shell=bash disable=SC2154,SC2016
# A backup of a running node, restored: in place of the device that is lost, and as a new device. Both meet their mesh,
# and all come to the same.
own_host

# same ID DEVICE...: until the record is on each of them.
same() {
    local device
    for device in "${@:2}"; do
        until at "$device" get notes "$1" >/dev/null 2>&1; do :; done
    done
}

at a init --name kitchen >/dev/null
node a
peer=$host:$(port_of a)
at b join "$(at a --json invite --no-wait | jq -r .code)" --name cellar >/dev/null
node b --peer "$peer"
expect 0 b --json put notes n1 text=before
before=$(origin "$(answer '.version[0]')")
expect 0 b now
expect 0 b --json backup "$work/file"
holds '.records == 1 and .size_bytes > 0 and (.root | length) == 64'
equal "$(answer .file)" "$work/file"
equal "$(answer .root)" "$(at b --json status | jq -r .root)"
equal "$(stat -c %a "$work/file")" 600
equal "$(stat -c %s "$work/file")" "$(answer .size_bytes)"
"$program" -C "$work/b" backup - >"$work/piped"
"$program" -C "$work/b" backup - --without-identity >"$work/shared"
[ "$(stat -c %s "$work/piped")" -gt 200 ] || fail 'stdout got no backup'
expect 0 b backup "$work/file" # the earlier one is replaced
says "$work/file: 1 records"
echo precious >"$work/precious"
expect 4 b backup "$work/precious"
complains 'is no backup'
equal "$(cat "$work/precious")" precious
expect 4 a backup "$work/file"
complains 'another device'
expect 1 b backup "$work/nowhere/file"
complains 'does not exist'
expect 2 b backup
expect 1 none backup "$work/x"
complains 'p2psync init'

# The device is lost after it wrote more.
expect 0 b put notes n2 text=later
expect 0 b now
kill -KILL "$node"
wait "$node" || true
expect 4 b restore-backup "$work/file"
complains 'holds a device already'
rm -r "$work/b"
expect 0 b --json restore-backup "$work/file"
holds '.name == "cellar" and .records == 1'
expect 3 b get notes n2
expect 0 b --json put notes n3 text=restored
[ "$(origin "$(answer '.version[0]')")" != "$before" ] || fail 'it goes on in the old incarnation'
node b --peer "$peer"
expect 0 b now
same n2 b
same n3 a b
expect 0 a --json devices
holds '[.[] | .forked] | any | not'
expect 0 b --json status
holds '.in_sync and .alerts == []'
equal "$(answer .root)" "$(at a --json status | jq -r .root)"

# As a new device; from stdin.
expect 1 c restore-backup "$work/shared"
complains 'add --as-new-device'
[ ! -e "$work/c" ] || fail 'a directory was made'
expect 2 c restore-backup "$work/shared" --name loft
"$program" -C "$work/c" --json restore-backup - --as-new-device --name loft <"$work/shared" >"$work/out"
holds '.name == "loft" and .records == 1'
expect 0 c join "$(at a --json invite --no-wait | jq -r .code)"
node c --peer "$peer"
expect 0 c now
same n3 c
expect 0 a --json devices
holds '[.[].name] | sort == ["cellar", "kitchen", "loft"]'

# Damage of each kind is told in a sentence, and nothing is made.
size=$(stat -c %s "$work/piped")
damaged() {
    expect 1 d restore-backup "$work/bad"
    complains "$1"
    [ ! -e "$work/d" ] && [ ! -e "$work/d.p2psync-tmp" ] || fail 'something was made'
}
: >"$work/bad"
damaged 'no backup of p2psync'
echo other >"$work/bad"
damaged 'no backup of p2psync'
for cut in 1 31 40 "$((size / 2))" "$((size - 20))"; do
    head -c "$((size - cut))" "$work/piped" >"$work/bad"
    damaged 'damaged'
done
for place in 4 9 20 100 180 190 $((size / 2)) $((size - 1)); do
    cp "$work/piped" "$work/bad"
    printf '\xa5' | dd of="$work/bad" bs=1 seek="$place" conv=notrunc status=none
    damaged ''
done
cat "$work/piped" "$work/piped" >"$work/bad"
damaged 'damaged'
expect 1 d restore-backup "$work/nothing"
complains 'no such file'
expect 1 d restore-backup "$work"
complains 'directory'
mkdir "$work/d"
touch "$work/d/mine"
expect 4 d restore-backup "$work/piped"
complains 'not empty'
[ -e "$work/d/mine" ] || fail 'a file is gone'
