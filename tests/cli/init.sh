# shellcheck shell=bash disable=SC2154,SC2016
# A device is made once per directory, and the directory is where it was said to be.

for command in status peers devices "get c i" "list c" "put c i a=1" "delete c i" "import c" "export c" \
    now watch invite stop run start "config list"; do
    # shellcheck disable=SC2086 # the words of the command
    expect 1 nowhere $command </dev/null
    complains "p2psync init"
done
[ ! -e "$work/nowhere" ] || fail "a directory was made"

expect 0 a --json init --name kitchen
holds 'keys == ["device", "fingerprint", "mesh", "name", "recovery"]'
holds '.name == "kitchen" and (.device | test("^[0-9a-f]{64}$"))'
holds '.fingerprint | test("^([0-9A-Z]{4}-){3}[0-9A-Z]{4}$")'
device=$(answer .device)
equal "$(stat -c %a "$work/a")" 700
chmod 644 "$work/a/data.mdb"
expect 0 a status
equal "$(stat -c %a "$work/a/data.mdb")" 600

fingerprint=$(at a --json status | jq -r .fingerprint)
expect 4 a init
complains "init: '$work/a' holds the device 'kitchen' ($fingerprint) already; use it, or name another directory with -C DIR"
expect 4 a --json init --name other
expect 0 a --json devices
holds 'length == 1 and (.[0] | keys) ==
    ["added", "added_by", "device", "fingerprint", "forked", "forked_in", "name", "pending", "removed", "removed_at", "removed_by", "role"]'
equal "$(answer '.[0].device')" "$device"
equal "$(answer '.[0].name')" kitchen

expect 0 b init
says fingerprint
expect 2 b devices rename "$(at b --json status | jq -r .name)" " "
complains "nothing of this name would be seen"
for command in init "join CODE"; do
    # shellcheck disable=SC2086 # the words of the command
    unusable() { # NAME WHY
        expect 2 c $command --name "$1"
        complains "$2"
    }
    unusable "$(printf 'n%.0s' $(seq 65))" "takes 64 bytes at most"
    unusable $'\xff' "is UTF-8"
    unusable "" "is not empty"
    unusable $'new\nline' "no control characters"
    unusable $'\u009bx' "no control characters"
    for name in " " $'\u3000' $'\u200b' $'\u2060 \u00ad' $'\u115f'; do
        unusable "$name" "nothing of this name would be seen"
    done
    for name in " kitchen" "kitchen " $'kitchen\u00a0'; do
        unusable "$name" "neither begins nor ends with a blank"
    done
done

# A directory of somebody else, or where others may write, says which programs a node runs.
expect 0 shared init
chmod g+w "$work/shared"
expect 6 shared status
complains "chmod go-w"
chmod 755 "$work/shared"
expect 0 shared status
if [ "$(id -u)" = 0 ]; then
    # So does the file of data: whose device this is, and who its members are.
    chown 65534 "$work/shared/data.mdb"
    expect 6 shared status
    complains "its file of data belongs to another user"
    chown 0 "$work/shared/data.mdb"
    expect 0 shared status
    chown 65534 "$work/shared"
    expect 6 shared status
    complains "belongs to another user (65534)"
fi

# A file system that cannot be written.
read_only() {
    mount --bind "$work/shared" "$work/shared"
    mount -o remount,bind,ro "$work/shared"
    "$program" -C "$work/shared" status 2>"$work/err"
}
if unshare --map-root-user --mount true; then
    chown "$(id -u)" "$work/shared"
    export -f read_only
    export program work
    code=0
    unshare --map-root-user --mount bash -c read_only || code=$?
    equal "$code" 6
    complains "its file system is read-only"
fi

# Where no directory can be.
touch "$work/file"
expect 2 file init
complains "-C DIR"
expect 2 file/below init

# -C before the environment, that before XDG_DATA_HOME, that before HOME; options stand anywhere.
expect_program 0 init -C "$work/d" --name from-option
P2PSYNC_DIR=$work/e expect_program 0 init --name from-variable
XDG_DATA_HOME=$work/f expect_program 0 init --name from-xdg
expect_program 0 init --name from-home
named() {
    expect_program 0 --json "${@:2}"
    equal "$(answer .name)" "$1"
}
named from-option status -C "$work/d"
P2PSYNC_DIR=$work/e named from-variable status
P2PSYNC_DIR=$work/e named from-option -C "$work/d" status
named from-xdg -C "$work/f/p2psync" status
XDG_DATA_HOME=$work/f named from-xdg status
named from-home -C "$HOME/.local/share/p2psync" status
named from-home status
(unset HOME && expect_program 1 status && complains HOME)
