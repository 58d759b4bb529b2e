# shellcheck shell=bash disable=SC2154,SC2016
# A node that hangs, because its process is suspended or its disk does not come back: what only reads is answered from
# the store and says so, what needs the node fails and says which process it is.

slow_disk=$(dirname "$sign")/libcli_slow_disk.so

# told CODE NAME: the command that answered into NAME ended with CODE; its answer is in $work/out, its error in $work/err.
told() {
    local code=0
    wait "${asking[$2]}" || code=$?
    cp "$work/$2.out" "$work/out"
    cp "$work/$2.err" "$work/err"
    equal "$2: $code" "$2: $1"
}
# unanswered WHY: what people and scripts are told, all at once, because each of them waits some seconds for the node.
declare -A asking=()
unanswered() {
    local name silent="the node (pid $kitchen) does not answer$1"
    for name in status --json_status peers --json_peers --json_doctor now watch invite_--no-wait stop; do
        # shellcheck disable=SC2086 # its words
        at a ${name//_/ } >"$work/$name.out" 2>"$work/$name.err" &
        asking[$name]=$!
    done
    told 0 --json_status
    holds '.running == true and .answers == false and .state == "error" and .in_sync == false'
    holds ".last_error | startswith(\"$silent\")"
    holds '.collections[0].name == "notes" and .collections[0].records == 1'
    told 0 status
    says 'does not answer; what follows is what the store knows'
    says "$silent"
    told 0 --json_peers
    holds '[.[].state] == ["unknown"] and .[0].name == "cellar"'
    told 0 peers
    says "$silent"
    told 1 --json_doctor
    holds '.ok == false and (.checks[] | select(.check == "node") | .state == "fail" and .fix != null)'
    holds ".checks[] | select(.check == \"node\") | .detail | startswith(\"$silent\")"
    holds '[.checks[].check] | contains(["disk", "membership"])'
    for name in now watch invite_--no-wait stop; do
        told 7 "$name"
        complains "p2psync: ${name%%_*}: $silent"
        complains 'kill -CONT'
    done
    expect 0 a get notes n1
    expect 0 a list notes
}

at a init --name kitchen >/dev/null
node a
kitchen=$node
listen a
at b join "$(at a --json invite --no-wait | jq -r .code)" --name cellar >/dev/null
node b
await peer_up '.name == "cellar"' # until then there is nobody to be in sync with
expect 0 a put notes n1 a=1
expect 0 a now
expect 0 a --json status
holds '.running == true and .answers == true'

halt "$kitchen"
unanswered ': its process is suspended'
go_on "$kitchen" # and what was given up is not done now: it would stop
in_sync() {
    [ "$(at a --json status | jq -r .state)" = in_sync ]
}
until in_sync; do kill -0 "$kitchen"; done # cellar may have hung up meanwhile
expect 0 a now
expect 0 a --json status
holds '.answers == true and .state == "in_sync"'
expect 0 a stop
expect 0 a --json status
holds '.running == false and .answers == false'

# The disk hangs in the middle of a commit of the node.
export SLOW_DISK_WHILE=$work/hangs
LD_PRELOAD=$slow_disk ASAN_OPTIONS="${ASAN_OPTIONS:-}:verify_asan_link_order=0" node a
kitchen=$node
until in_sync; do kill -0 "$kitchen"; done
expect 0 a now
touch "$work/hangs"
expect 0 b put notes n2 a=1
until [ "$(at a --json status | jq .answers)" = false ]; do kill -0 "$kitchen"; done
unanswered ''
rm "$work/hangs"
until in_sync; do kill -0 "$kitchen"; done
expect 0 a now
expect 0 a --json get notes n2
expect 0 a stop
