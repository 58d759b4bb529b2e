# shellcheck shell=bash disable=SC2154,SC2016
# A device that vanishes is offline at once if its connection closes, else some time after its last sign of life, on
# the side that dialled and on the other. How long that takes is judged by tests/node/test_hub.c, with its own clock.
own_host

# state DEVICE: of its only peer.
state() {
    at "$1" --json peers | jq -r '.[0].state'
}
# connected DEVICE
connected() {
    [ "$(state "$1")" = in_sync ] || [ "$(state "$1")" = syncing ]
}
synced() {
    until [ "$(state "$1")" = in_sync ]; do :; done
}
# gone DEVICE: its peer, which has vanished, is no longer connected.
gone() {
    while connected "$1"; do :; done
}

at a init --name kitchen >/dev/null
node a
kitchen=$node
at b join "$(at a --json invite --no-wait | jq -r .code)" --name cellar >/dev/null
node b
cellar=$node
synced a
synced b

# Its process is killed: the system closes its connections.
kill -9 "$cellar"
gone a
wait "$cellar" 2>/dev/null || true
node b --peer "$host:$(port_of a)"
cellar=$node
synced a
synced b

kill -9 "$kitchen"
gone b
wait "$kitchen" 2>/dev/null || true
node a --peer "$host:$(port_of b)"
kitchen=$node
synced a
synced b

# It hangs, as one does whose machine has lost its power or its network.
halt "$cellar"
gone a
go_on "$cellar"
synced a
synced b

halt "$kitchen"
gone b
go_on "$kitchen"
synced b
at a stop
at b stop
