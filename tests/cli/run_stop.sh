# shellcheck shell=bash disable=SC2154,SC2016
# A node in the foreground: ready when it says so, one per directory, and a clean end by signal or by stop.

at a init --name kitchen >/dev/null
expect 1 a run --listen localhost --no-beacon # names of hosts are not looked up for that
complains "as 127.0.0.1, ::1 or eth0, and no host"
ulimit -S -c unlimited 2>/dev/null || true # what the program takes away from itself
node a
ulimit -S -c 0
equal "$(awk '/^Max core file size/ {print $5}' "/proc/$node/limits")" 0
jq -e 'has("device") and .name == "kitchen"' <<<"$line" >/dev/null || fail "who is ready: $line"
expect 4 a run
complains "p2psync stop"
expect 0 a --json start
expect 0 a --json status
holds '.running == true and .state == "alone" and .in_sync == true'
expect 0 a status
says "alone in its mesh"

expect 0 a --json put notes n1 a=1
expect 0 a --json now
holds 'keys == ["changes_received", "changes_sent", "conflicts", "duration_ms", "peers"] and .peers == 0'
expect 0 a --json stop
wait "$node" || fail "the node ended with $?"
expect 5 a stop
expect 0 a --json status
holds '.running == false'

for signal in INT TERM; do
    node a
    kill -$signal "$node"
    wait "$node" || fail "the node ended with $? on SIG$signal"
done
[ ! -s "$work/a.log" ] || fail "a quiet life leaves no log"

# For people, and with a log.
"$program" -C "$work/a" -vv run --listen 127.0.0.1 --no-beacon >"$work/out" 2>"$work/a.log" &
node=$!
pids+=("$node")
until [ "$(at a --json status | jq .running)" = true ]; do :; done
expect 0 a stop
wait "$node"

# Kept from running.
expect 2 a run --listen "::::"
complains "address"
expect 1 a run --listen 192.0.2.1 --no-beacon
complains "--listen"
expect 1 a start --listen 192.0.2.1 --no-beacon
complains "--listen"
