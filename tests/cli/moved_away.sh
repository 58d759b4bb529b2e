# shellcheck shell=bash disable=SC2154
# The directory of a running node is removed, moved, replaced or covered: the node ends, and says why.

# ends WHY: the node ends with exit code 1, and says this.
ends() {
    local code=0
    wait "$node" || code=$?
    equal "$code" 1
    grep -q "^p2psync: run: .*: the node ends: $1 while it ran; " "$work/a.log" || fail "it does not say: $1"
    rm "$work/a.log"
}
begin() {
    rm -rf "$work/a" "$work/b"
    at a init --name kitchen >/dev/null
    expect 0 a put notes n1 a=1
    node a
}

begin
rm -rf "$work/a"
ends 'its \(directory\|store\) was removed'
[ ! -e "$work/a" ] || fail 'it has made the directory again'

begin
mv "$work/a" "$work/b"
ends 'its directory was moved'
expect 0 b --json get notes n1 # nothing is lost, and it can go on there
expect 0 b put notes n2 a=1

begin
cp -a "$work/a" "$work/b"
rm "$work/b/control.sock"
mv "$work/a" "$work/c"
mv "$work/b" "$work/a"
ends 'its directory was moved'
rm -rf "$work/c"

begin
cp -a "$work/a/data.mdb" "$work/a/other.mdb"
mv "$work/a/other.mdb" "$work/a/data.mdb"
ends 'its store was replaced by another file'

begin
rm "$work/a/data.mdb"
ends 'its store was removed'

# A directory above it: nobody is told of that, so it is looked at every few seconds.
mkdir "$work/above"
at above/a init --name kitchen >/dev/null
"$program" -C "$work/above/a" --json run --listen 127.0.0.1 --no-beacon >"$work/ready" 2>"$work/a.log" &
node=$!
pids+=("$node")
until grep -q ready "$work/ready"; do kill -0 "$node"; done
mv "$work/above" "$work/beside"
ends 'its directory was moved'

# Something is mounted over a directory above it. What is open has the path that it had, so the path is gone, too.
covered() {
    "$program" -C "$work/above/a" --json run --listen 127.0.0.1 --no-beacon >"$work/ready" 2>"$work/a.log" &
    local node=$! code=0
    until grep -q ready "$work/ready"; do kill -0 "$node"; done
    mount -t tmpfs none "$work/above"
    wait "$node" || code=$?
    exit "$code"
}
if unshare --map-root-user --mount true; then
    rm -rf "$work/above" "$work/ready"
    mkdir "$work/above"
    at above/a init --name kitchen >/dev/null
    export -f covered
    export program work
    unshare --map-root-user --mount bash -c covered &
    node=$!
    ends 'something was mounted over its directory'
fi

# What does not move it is no reason to end.
begin
chmod 700 "$work/a"
touch "$work/a/data.mdb"
mkdir "$work/a/more"
rmdir "$work/a/more"
expect 0 a put notes n2 a=1
expect 0 a --json status
holds '.running == true and .last_error == null'
expect 0 a stop
