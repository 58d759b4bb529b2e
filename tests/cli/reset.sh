# shellcheck shell=bash disable=SC2154,SC2016
# A device drops its past and gets it again from others: nothing is dropped that nobody else is known to have.

root() {
    at "$1" --json status | jq -r .root
}
# start DEVICE: its node runs, and knows where a is.
start() {
    node "$1" --peer "$peer"
    nodes[$1]=$node
}
stop() {
    expect 0 "$1" stop
    wait "${nodes[$1]}"
}
declare -A nodes=()

# Without a device, and alone.
expect 1 none reset
complains 'no device'
[ ! -e "$work/none" ] || fail 'a directory was made'
at a init --name kitchen >/dev/null
at a put notes n1 text=one >/dev/null
expect 4 a reset
complains 'no other device is known: all 1 changes would be lost'
expect 0 a get notes n1

# What one that was killed has left goes with the next command, but for files that are no store's.
mkdir "$work/a/reset.p2psync-tmp"
cp "$work/a/data.mdb" "$work/a/reset.p2psync-tmp"
expect 0 a get notes n1
[ ! -e "$work/a/reset.p2psync-tmp" ] || fail 'it is still there'
mkdir "$work/a/reset.p2psync-tmp"
echo mine >"$work/a/reset.p2psync-tmp/notes"
expect 0 a get notes n1
equal "$(cat "$work/a/reset.p2psync-tmp/notes")" mine
rm -r "$work/a/reset.p2psync-tmp"
# It comes back to the same address, which no other process of this machine may have taken meanwhile.
own_host
node a
nodes[a]=$node
expect 4 a reset --yes
complains 'a node runs there'
port=$(port_of a)
peer=$host:$port

# Two devices in sync.
at b join "$(at a --json invite --no-wait | jq -r .code)" --name cellar >/dev/null
expect 0 b config set interval_ms 5000
start b
expect 0 b --json put notes n2 text=two
before=$(origin "$(answer '.version[0]')")
in_sync a b
identity=$(at b --json status | jq -c '[.device, .name, .mesh]')
stop b
expect 0 b put _local mine a=1
whole=$(root b)

# What was written since the node ended is nowhere else.
expect 0 b put notes n3 text=three
expect 4 b reset
complains 'up to 1 of '
complains 'would be lost'
expect 0 b get notes n3
start b
in_sync a b
stop b

# Now all of it is there: it goes, and comes back.
expect 0 b --json reset
holds '.name == "cellar" and .dropped == 3 and .lost == 0'
[ ! -e "$work/b/reset.p2psync-tmp" ] || fail 'something is left'
expect 3 b get notes n1
expect 0 b get _local mine
equal "$(at b --json status | jq -c '[.device, .name, .mesh]')" "$identity"
expect 0 b --json config get interval_ms
holds '.value == 5000'
expect 0 b verify
expect 0 b --json devices
holds 'map(.name) | sort == ["cellar", "kitchen"]'
[ "$(root b)" != "$whole" ] || fail 'nothing was dropped'
start b
in_sync a b
expect 0 b get notes n1
expect 0 b get notes n3
expect 0 b --json put notes n4 text=four
[ "$(origin "$(answer '.version[0]')")" != "$before" ] || fail 'it goes on in the old incarnation'
in_sync a b
expect 0 a --json devices
holds '[.[] | .forked] | any | not'
expect 0 b --json status
holds '.in_sync and .alerts == []'

# Whoever was not connected at the end does not count, whatever it had: it may have dropped all of it itself.
stop b
expect 0 b reset
stop a
expect 4 a reset
complains "no other device was in sync when the node last ended in good order"
complains "'cellar' had "
expect 0 a get notes n4
node a --listen "$host:$port"
nodes[a]=$node
start b
in_sync a b
expect 0 b get notes n4

# After a node was killed nobody is known to have anything, however it ended before.
stop b
start b
kill -KILL "$node"
wait "$node" || true
expect 4 b reset
complains 'no other device was in sync'
expect 0 b get notes n4

# It can be had all the same.
expect 0 b put notes n5 text=five
expect 0 b reset --yes
says 'may be on no other device'
start b
in_sync a b
expect 0 b get notes n4
expect 3 b get notes n5

# Two that are stopped at the same moment do not both count on each other: whoever had it has to answer.
stop b
stop a
expect 4 b reset
complains 'no device that had all of it when the node ended answers now'
expect 0 b get notes n4

# Whoever else listens there by now is not that device.
at c init --name stranger >/dev/null
node c --listen "$host:$port"
nodes[c]=$node
expect 4 b reset
complains 'no device that had all of it when the node ended answers now'
stop c

# It goes on meanwhile, so it has something else by now; but nothing that is here is lacking there.
node a --listen "$host:$port"
nodes[a]=$node
expect 0 a put notes n6 text=six
expect 0 a put letters l1 text=one
expect 0 b reset
expect 2 b reset more
start b
in_sync a b
expect 0 b get notes n6

# That it answers is not enough: it has dropped what it had.
stop b
stop a
expect 0 a reset --yes
node a --listen "$host:$port"
nodes[a]=$node
expect 4 b reset
complains 'what answers now lacks some of it'
expect 0 b get notes n4
start b
in_sync a b
expect 0 a get letters l1
stop b
expect 0 b reset
