#!/usr/bin/env bash
# Two nodes in one process, each on an interface of its own: each finds its own LAN, and none strays to the
# other's.
devices=(ada ben cleo)
source "$(dirname "$0")/begin.sh"
two_nodes=$2
second_lan
also_there ada 1
only_there cleo 3

found ben
run ben
found cleo
run cleo
invite_and_join ben ada
at ada config set interfaces '["eth0"]' >/dev/null

# The other node of ada's host, in a directory beside.
other() {
    nsenter --net=/run/netns/ada "$p2psync" -C "$work/ada-2" "$@"
}
other join "$(at cleo --json invite --no-wait | jq -r .code)" --name ada-2 >/dev/null
other config set interfaces '["eth1"]' >/dev/null
mkfifo "$work/stdin"
nsenter --net=/run/netns/ada "$two_nodes" "$work/ada" "$work/ada-2" <"$work/stdin" 2>"$work/both.err" &
both=$!
exec {stdin}>"$work/stdin"

eventually connected 1 ada ben cleo || fail "they did not find each other"
at ben put things a text="by ben" >/dev/null
at cleo put things a text="by cleo" >/dev/null
in_sync_with_its_own() {
    same_root ada ben && [ "$(other --json status | jq -r .root)" = "$(status_of cleo .root)" ]
}
eventually in_sync_with_its_own || fail "not in sync"
equal "what ada got" "$(field ada things a text)" "by ben"
eventually hears ada "heard ben at 10.47.0.2" || fail "ada does not hear ben: $(check_of ada beacons)"
! hears ben "other mesh" || fail "the node of eth1 was heard on the LAN of eth0: $(check_of ben beacons)"
! hears cleo "other mesh" || fail "the node of eth0 was heard on the LAN of eth1: $(check_of cleo beacons)"

exec {stdin}>&-
wait $both || fail "the process with both ended with $?"
