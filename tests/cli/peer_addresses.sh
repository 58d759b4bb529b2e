# shellcheck shell=bash disable=SC2154,SC2016
# --peer takes IPv6 addresses and names; a name that is not known does not hold up the others.

# synced: b's node is in sync with a's, found through the address it was given.
synced() {
    expect 0 b --json now
    holds '.peers == 1'
    expect 0 b --json peers
    holds '.[0].state == "in_sync"'
}

at a init --name kitchen >/dev/null
node a
at b join "$(at a --json invite --no-wait | jq -r .code)" --name cellar >/dev/null
port=$(port_of a)
node b
synced
at b stop
at a stop

# The address of before is no longer good: a listens on another one.
node a --listen "[::1]"
port=$(port_of a)
node b --peer no-such-name.invalid --peer "[::1]:$port"
synced
holds ".[0].endpoint == \"[::1]:$port\" and .[0].found_by == \"static\" and .[0].interface == \"lo\""
at b stop
at a stop
if [ "$port" = 47470 ]; then
    node a --listen ::1
    node b --peer ::1
    synced
    at b stop
    at a stop
fi

node a
port=$(port_of a)
node b --peer no-such-name.invalid --peer "localhost:$port"
synced
