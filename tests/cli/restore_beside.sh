# shellcheck shell=bash disable=SC2154,SC2016
# Somebody else is where a backup is restored, or the file is none that this program has made: nothing is lost.

# feed FILE: the backup on standard input, which waits for `go` after its beginning; so a restore can be met in the middle.
feed() {
    head -c 200 "$1"
    read -r _ <"$work/go"
    tail -c +201 "$1"
}
# restoring DEVICE: a restore there is under way, as $restore.
restoring() {
    rm -f "$work/go" "$work/fed"
    mkfifo "$work/go" "$work/fed"
    feed "$work/file" >"$work/fed" &
    pids+=("$!") # else it would be waited for when the case fails, and wait itself
    "$program" -C "$work/$1" restore-backup - <"$work/fed" >"$work/restored" 2>&1 &
    restore=$!
    pids+=("$restore")
    until [ -e "$work/$1.p2psync-tmp/data.mdb" ]; do kill -0 "$restore"; done
}
finish_restore() {
    local code=0
    echo >"$work/go"
    wait "$restore" || code=$?
    equal "$code" "$1"
}

at a init --name kitchen >/dev/null
seq 200 | sed 's/.*/{"id": "r&"}/' | at a import notes >/dev/null
expect 0 a backup "$work/file"

# Two restores at once, where there is nothing yet: the second one is refused, the first goes on.
restoring b
expect 4 b restore-backup "$work/file"
complains 'another process restores a backup there'
finish_restore 0
expect 0 b get notes r200
expect 0 b verify

# The same where a command has left a store without a device. Who would make a device there waits, and is told.
expect 1 c status
mkdir "$work/c"
expect 1 c status
restoring c
expect 4 c restore-backup "$work/file"
complains 'a node runs there'
"$program" -C "$work/c" init --name intruder >"$work/intruder" 2>&1 &
intruder=$!
pids+=("$intruder")
until grep -q "^ *[0-9]*: -> FLOCK.* $intruder " /proc/locks; do kill -0 "$intruder"; done
finish_restore 0
code=0
wait "$intruder" || code=$?
equal "$code" 4
grep -q 'another directory has just taken its place; try again' "$work/intruder" || fail 'it does not say why'
expect 0 c --json status
holds '.name == "kitchen"'

# Somebody made a device where there was nothing: it stays, and the restore says so.
restoring d
expect 0 d init --name mine
expect 0 d put notes own a=1
finish_restore 4
grep -q 'not empty' "$work/restored" || fail 'it does not say why'
[ ! -e "$work/d.p2psync-tmp" ] || fail 'something is left'
expect 0 d get notes own

# A node runs there.
node a
expect 4 a restore-backup "$work/file"
complains 'a node runs there'
expect 0 a get notes r1
expect 0 a stop

# Links lead to files: what a link points to is read, and replaced.
ln -s "$work/file" "$work/link"
expect 0 e restore-backup "$work/link"
expect 0 a backup "$work/link"
[ -L "$work/link" ] || fail 'the link was replaced'
expect 0 f restore-backup "$work/file"
ln -s "$work/nowhere" "$work/dangling"
expect 1 g restore-backup "$work/dangling"
complains 'no such file'

# Another file system.
if [ -w /dev/shm ]; then
    far=$(mktemp -d /dev/shm/p2psync-cli.XXXXXX)
    expect 0 a backup "$far/file"
    expect 0 g restore-backup "$far/file"
    rm -r "$far"
    expect 0 g get notes r1
fi

# A backup of a store of another format, earlier and later. Its hashes are right.
other_format() {
    python3 - "$work/file" "$work/other" "$1" <<'EOF'
import hashlib
import sys

with open(sys.argv[1], "rb") as file:
    data = bytearray(file.read())
data[12:16] = (int.from_bytes(data[12:16], "big") + int(sys.argv[3])).to_bytes(4, "big")
data[152:184] = hashlib.blake2b(data[:152], digest_size=32).digest()
with open(sys.argv[2], "wb") as file:
    file.write(data)
EOF
    expect 1 h restore-backup "$work/other"
    [ ! -e "$work/h" ] && [ ! -e "$work/h.p2psync-tmp" ] || fail 'something was made'
}
other_format -1
complains 'an earlier version of p2psync made it'
other_format 1
complains 'a newer version of p2psync made it'

# What stands beside the place is somebody's.
mkdir "$work/i.p2psync-tmp"
echo mine >"$work/i.p2psync-tmp/notes"
expect 4 i restore-backup "$work/file"
complains 'holds files of its own'
equal "$(cat "$work/i.p2psync-tmp/notes")" mine
