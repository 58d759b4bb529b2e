# shellcheck shell=bash disable=SC2154,SC2016
# A node in the background: start returns when it runs, and passes on why it does not.

at a init --name kitchen >/dev/null
options=(--listen 127.0.0.1 --no-beacon)
stop_all() {
    at a stop >/dev/null 2>&1 || true
    finish
}
trap stop_all EXIT

expect 0 a --json start "${options[@]}"
holds '.ready == true and .name == "kitchen"'
expect 0 a --json status
holds '.running == true'
expect 0 a start "${options[@]}"
says already
expect 4 a run "${options[@]}"
[ -e "$work/a/node.log" ] || fail "no log"
equal "$(stat -c %a "$work/a/node.log")" 600
expect 0 a stop
expect 5 a stop
expect 0 a start "${options[@]}"
says Running
expect 0 a stop

expect 1 nowhere start
complains "p2psync init"
mkdir "$work/empty"
expect 1 empty start
complains "p2psync init"

# The port is taken: by another node that has asked for it.
at b init --name cellar >/dev/null
node b
port=$(ss -Hltnp 2>/dev/null | sed -n "s/.*127.0.0.1:\([0-9]*\) .*pid=$node,.*/\1/p" | head -n 1)
if [ -n "$port" ]; then
    expect 1 a start --listen "127.0.0.1:$port" --no-beacon
    complains "already in use"
fi

# SIGHUP opens the log anew and reads the settings again; it does not end the node.
expect 0 a -vv start "${options[@]}"
pid=$(sed -n 's/.*process \([0-9]*\);.*/\1/p' "$work/out")
mv "$work/a/node.log" "$work/a/moved.log"
kill -HUP "$pid"
until [ -e "$work/a/node.log" ]; do kill -0 "$pid"; done
expect 0 a --json status
holds '.running'
expect 0 a config set interval_ms 5000
kill -HUP "$pid"
until grep -q settings-changed "$work/a/node.log"; do kill -0 "$pid"; done # and tells so in the new log
expect 0 a config set durability none
expect 0 a config set listen 192.0.2.1 # not this machine's: a start would fail
kill -HUP "$pid"
for setting in listen durability; do
    until grep -q "SIGHUP: '$setting' has changed, and waits" "$work/a/node.log"; do kill -0 "$pid"; done
done
! grep -q "node-started\|node-stopped\|'interval_ms'" "$work/a/node.log" || fail "it was started anew"
expect 0 a --json status
holds '.running'
echo '{' >"$work/a/config.json"
kill -HUP "$pid"
until grep -q "goes on with the settings it has" "$work/a/node.log"; do kill -0 "$pid"; done
rm "$work/a/config.json"
expect 0 a --json status
holds '.running'
expect 0 a stop

# What can be is taken up at once: an address of a device that had gone, and who answers conflicts.
expect 0 c init --name porch
node c
listen c
code=$(at c --json invite --no-wait | jq -r .code)
expect 0 d join "$code" --name loft
expect 0 c stop
"$program" -C "$work/c" --json run --listen 127.0.0.2 --no-beacon >"$work/c.out" 2>>"$work/c.log" &
node=$!
pids+=("$node")
until grep -q ready "$work/c.out"; do kill -0 "$node"; done
port=$(ss -Hltnp 2>/dev/null | sed -n "s/.*127.0.0.2:\([0-9]*\) .*pid=$node,.*/\1/p" | head -n 1)
expect 0 d start --no-beacon --listen 127.0.0.1
pid=$(sed -n 's/.*process \([0-9]*\);.*/\1/p' "$work/out")
pids+=("$pid")
if [ -n "$port" ]; then
    listen c
    expect 0 d config set peers "[\"127.0.0.2:$port\"]"
    kill -HUP "$pid"
    await peer_up '.name == "loft"'
    expect 0 c --json put notes n1 a=0
    expect 0 d --json now
    expect 0 d stop # both edit what the other has not seen
    expect 0 d --json put notes n1 a=1
    expect 0 c --json put notes n1 a=2
    expect 0 d start --no-beacon --listen 127.0.0.1
    pid=$(sed -n 's/.*process \([0-9]*\);.*/\1/p' "$work/out")
    pids+=("$pid")
    await conflict_detected '.id == "n1"'
    expect 0 d config set on_conflict local
    expect 0 d config set on_conflict_wait_ms 1
    kill -HUP "$pid"
    await conflict_resolved '.id == "n1"'
    expect 0 c --json get notes n1
    holds '.fields == {"a": 1}'
fi
expect 0 d stop
