# shellcheck shell=bash disable=SC2154,SC2016
# The doctor: what it looks at with a node and without, and that it fails where something is wrong.

# examine CODE DEVICE: its answer is in $work/out; unlike other commands it answers when it fails, too.
examine() {
    local code=0
    at "$2" --json doctor >"$work/out" 2>"$work/err" || code=$?
    equal "$code" "$1"
    [ ! -s "$work/err" ] || fail "something on stderr"
    holds 'keys == ["checks", "ok"] and (.checks | all(keys == ["check", "detail", "fix", "state"]))'
    holds '.checks | all((.state | IN("ok", "warn", "fail")) and .detail != "" and (.state == "ok" or .fix != null))'
    holds '.ok == (.checks | all(.state != "fail"))'
}
state() {
    answer ".checks[] | select(.check == \"$1\") | .state"
}
detail() {
    answer ".checks[] | select(.check == \"$1\") | .detail"
}

expect 1 a doctor
complains "p2psync init"
at a init --name kitchen >/dev/null
at a config set beacon false >/dev/null
examine 0 a
holds '[.checks[].check] == ["node", "interfaces", "port", "addresses", "membership", "versions", "disk", "map",
    "readers"]'
equal "$(state node)" warn
equal "$(state membership)" ok

node a --peer 127.0.0.1:1 --peer no-such-name.invalid
examine 0 a
equal "$(state node)" ok
equal "$(state addresses)" warn
[[ $(detail addresses) == "127.0.0.1:1 refuses connections; no-such-name.invalid:47470 "* ]] ||
    fail "of addresses: $(detail addresses)"
port=$(detail port | sed 's/listening on TCP port \([0-9]*\).*/\1/')

# Another device of the mesh, that listens; and one whose port is taken.
expect 0 a --json invite --no-wait
code=$(answer .code)
at b join "$code" --name cellar >/dev/null
at b config set beacon false >/dev/null
at b config set listen "127.0.0.1:$port" >/dev/null
examine 1 b
equal "$(state port)" fail
at b config set listen null >/dev/null
examine 0 b
equal "$(state addresses)" ok
[[ $(detail addresses) == *" at 127.0.0.1:$port answers"* ]] || fail "of addresses: $(detail addresses)"

node b --peer "127.0.0.1:$port"
expect 0 b --json now
examine 0 b
equal "$(state clock)" ok
[[ $(detail membership) == "one of 2 devices"* ]] || fail "of membership: $(detail membership)"

# For people.
expect 0 b doctor
says "membership  one of 2 devices"
expect 2 b doctor all
