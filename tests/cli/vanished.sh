# shellcheck shell=bash disable=SC2154,SC2016
# A device that vanishes is offline at once if its connection closes, else ten seconds after its last sign of
# life, on the side that dialled and on the other.

# address_of DEVICE: where its node listens.
address_of() {
    echo "127.0.0.1:$(at "$1" --json doctor | jq -r '.checks[] | select(.check == "port") | .detail' |
        grep -oE '[0-9]+' | head -n 1)"
}
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
# gone DEVICE SINCE: its peer, which has vanished at SINCE, is no longer connected. How soon depends on the
# machine, so it is said and not judged; a peer that only hangs would otherwise stay connected for ever.
gone() {
    while connected "$1"; do
        [ $(($(date +%s%3N) - $2)) -lt 120000 ] || fail "$1 never notices"
    done
    echo "# $1 has noticed after $(($(date +%s%3N) - $2)) ms"
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
since=$(date +%s%3N)
kill -9 "$cellar"
gone a "$since"
wait "$cellar" 2>/dev/null || true
node b --peer "$(address_of a)"
cellar=$node
synced a
synced b

since=$(date +%s%3N)
kill -9 "$kitchen"
gone b "$since"
wait "$kitchen" 2>/dev/null || true
node a --peer "$(address_of b)"
kitchen=$node
synced a
synced b

# It hangs, as one does whose machine has lost its power or its network.
since=$(date +%s%3N)
halt "$cellar"
gone a "$since"
go_on "$cellar"
synced a
synced b

since=$(date +%s%3N)
halt "$kitchen"
gone b "$since"
go_on "$kitchen"
synced b
at a stop
at b stop
