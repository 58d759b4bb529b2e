# shellcheck shell=bash disable=SC2154,SC2016
# The running node makes backups by itself, in a directory that the settings name.

backups() {
    find "$work/kept" -name 'p2psync-*.backup' | sort
}
check() {
    { at a --json doctor || true; } | jq -c '.checks[] | select(.check == "backups")'
}

at a init --name kitchen >/dev/null
at a put notes n1 text=one >/dev/null

# One command writes the settings, all or none of them.
mkdir "$work/elsewhere"
expect 2 a backup --every soon --keep 3 "$work/elsewhere"
complains 'backup_every takes a number'
expect 2 a backup --every 1d --keep none "$work/elsewhere"
expect 2 a backup --every 1d --keep 0 "$work/elsewhere"
expect 2 a backup --every 1d --without-identity "$work/elsewhere"
expect 1 a backup --every 1d "$work/nowhere"
complains nowhere
expect 0 a --json config list
holds '[.backup_dir, .backup_every, .backup_keep] | all(.source == "default")'
(cd "$work" && expect 0 a --json backup --every 12h --keep 3 elsewhere)
holds ". == {backup_dir: \"$(realpath "$work/elsewhere")\", backup_every: \"12h\", backup_keep: 3}"
expect 0 a backup --keep 4
says 'every 12h, and keeps 4'
for key in backup_dir backup_every backup_keep; do
    expect 0 a config set $key null
done
expect 0 a backup --every 1d
says 'no directory is named'
expect 0 a config set backup_every null
expect 2 a config set backup_dir kept
complains 'full path'
equal "$(check)" ''
expect 0 a config set backup_every 1h
check >"$work/out"
holds '.state == "warn" and (.fix | contains("backup_dir"))'
expect 0 a --json status
holds '.last_backup == null and .alerts == []'
expect 0 a config set backup_dir "$work/kept" # which is not there yet

# What fails is told: by status, the doctor, and as an event.
node a
until at a --json status | jq -e '.alerts | any(contains("the last backup failed"))' >/dev/null; do :; done
expect 0 a --json status
holds '(.last_error | contains("no backup in")) and .last_backup == null'
check >"$work/out"
holds '.state == "fail" and (.detail | contains("no such directory"))'

# It is there now, and the node is told to look again.
mkdir "$work/kept"
expect 0 a config set backup_keep 2
kill -HUP "$node"
until [ -n "$(at a --json status | jq -r '.last_backup // empty')" ]; do :; done
equal "$(backups | wc -l)" 1
equal "$(stat -c %a "$(backups)")" 600
expect 0 a --json status
holds '.alerts == [] and (.last_backup | test("^20.*Z$"))'
check >"$work/out"
holds '.state == "ok"'
expect 0 a status
says 'backup'

# What it has made can be restored; and is known without a node.
expect 0 b restore-backup "$(backups)" --as-new-device
expect 0 b get notes n1
expect 0 a stop
wait "$node"
expect 0 a --json status
holds '.last_backup != null'
first=$(backups)

# Two are kept, of all that are made.
expect 0 a config set backup_every 1s
node a
until [ "$(backups | grep -cvxF "$first")" -ge 2 ] && ! [ -e "$first" ]; do :; done
expect 0 a stop
wait "$node"
[ "$(backups | wc -l)" -le 3 ] || fail 'more than two are kept'

# Nobody makes another one now: after twice the time the doctor says so.
until check | jq -e '.state == "warn" and (.fix | contains("p2psync start"))' >/dev/null; do :; done
