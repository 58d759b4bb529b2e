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
until grep -q node-started "$work/a/node.log"; do kill -0 "$pid"; done # it starts anew, and tells so in the new log
until [ "$(at a --json status | jq .running)" = true ]; do kill -0 "$pid"; done
kill -0 "$pid"
echo '{' >"$work/a/config.json"
kill -HUP "$pid"
until grep -q "goes on with the settings it has" "$work/a/node.log"; do kill -0 "$pid"; done
rm "$work/a/config.json"
expect 0 a --json status
holds '.running'
expect 0 a stop
