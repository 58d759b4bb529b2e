# shellcheck shell=bash disable=SC2154
# A long one. A node is stopped for up to 90 s, as by a suspended laptop or a debugger, or its disk takes seconds for each
# flush, and meanwhile another writes as fast as it can: both live, and end with the same records.

slow_disk=$(dirname "$sign")/libcli_slow_disk.so

# write DEVICE NAME: 200 times ten records, each time in a process of its own.
write() {
    local i
    for i in $(seq 200); do
        seq 10 | sed "s/.*/{\"id\": \"$2-$i-&\", \"text\": \"$(printf 'x%.0s' $(seq 2000))\"}/" |
            at "$1" import things >/dev/null
    done
}
alive() {
    kill -0 "$kitchen" || fail "the kitchen's node has died"
    kill -0 "$cellar" || fail "the cellar's node has died"
}
# same: both come to hold the same. `now` waits until they are in sync, for a minute at most.
same() {
    local left=5
    until at a now >/dev/null 2>&1 &&
        [ "$(at a --json status | jq -r .root)" = "$(at b --json status | jq -r .root)" ]; do
        alive
        [ $((left--)) -gt 0 ] || fail "they never hold the same"
    done
}

at a init --name kitchen >/dev/null
node a
kitchen=$node
at b join "$(at a --json invite --no-wait | jq -r .code)" --name cellar >/dev/null
node b
cellar=$node
for seconds in 20 35 50 90; do
    halt "$cellar"
    write a "stopped-$seconds"
    sleep "$seconds"
    go_on "$cellar"
    same
    halt "$kitchen"
    write b "also-$seconds"
    sleep "$seconds"
    go_on "$kitchen"
    same
done

at b stop
wait "$cellar"
export LD_PRELOAD="$slow_disk" ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0"
for ms in 3000 9000; do
    export SLOW_DISK_MS=$ms
    node b
    cellar=$node
    LD_PRELOAD='' write a "slow-$ms"
    LD_PRELOAD='' same
    kill "$cellar"
    wait "$cellar"
done
