#!/usr/bin/env bash
# A host on two LANs finds the devices of both, and joins them. An interface that is down for a moment is
# used and heard again; one with nothing plugged in does no harm; one that is excluded is left alone.
devices=(ada ben cleo)
source "$(dirname "$0")/begin.sh"
second_lan
also_there ada 1
only_there cleo 3
ip -n ada link add docker0 type veth peer name container
ip -n ada address add 172.17.0.1/16 brd + dev docker0
ip -n ada link set docker0 up

found ada
run ada
invite_and_join ada ben
run ben
invite_and_join ada cleo
run cleo
eventually connected 2 ada || fail "ada did not find both"
numbered 1 100 | at ben import things --id id
eventually same_root ben cleo || fail "cleo does not get what ben has"
equal "ada's interfaces" "$(check_of ada interfaces)" "announcing on eth0 10.47.0.1, eth1 10.48.0.1; \
not on lo (this machine only), docker0 (nothing plugged in), container (down)"
eventually hears ada "heard ben at 10.47.0.2" || fail "ada does not hear ben: $(check_of ada beacons)"
eventually hears ada "heard cleo at 10.48.0.3" || fail "ada does not hear cleo: $(check_of ada beacons)"

# Down, and up again as soon as that was noticed. Meanwhile cleo has moved.
uses_second() {
    [[ $(check_of ada interfaces) == *"eth1 10.48.0.1"* ]]
}
ip -n ada link set eth1 down
! uses_second || fail "eth1 is used though it is down"
move cleo 10.48.0.33
ip -n ada link set eth1 up
eventually hears ada "heard cleo at 10.48.0.33" || fail "the LAN of eth1 is not heard again"
eventually reaches ada cleo 10.48.0.33:47470 || fail "cleo is not reached where it was heard"
at cleo put things record-1 text="by cleo" >/dev/null
eventually same_root ben cleo || fail "ben does not get what cleo has"

# An interface that comes later, and one that is excluded.
at ben stop
at ben config set interfaces_exclude '["eth[1-9]"]' >/dev/null
also_there ben 2
run ben
eventually connected 2 ada || fail "ada and ben did not find each other again"
[[ $(check_of ben interfaces) == *"not on "*"eth1 (excluded by the settings)"* ]] ||
    fail "ben's interfaces: $(check_of ben interfaces)"
! hears cleo "heard ben at 10.48.0.2" || fail "ben announces on an interface that is excluded"

# Which interfaces are used, and whether there are beacons at all, a running node takes up on SIGHUP.
announces() {
    [[ $(check_of ben interfaces) == "announcing on "*"eth1 10.48.0.2"* ]]
}
at ben config set interfaces_exclude '[]' >/dev/null
kill -HUP "${pids[ben]}"
eventually announces || fail "ben's interfaces after SIGHUP: $(check_of ben interfaces)"
eventually hears cleo "heard ben at 10.48.0.2" || fail "cleo does not hear ben: $(check_of cleo beacons)"
silent() {
    [[ $(check_of ben interfaces) == *"turned off"* ]]
}
at ben config set beacon false >/dev/null
kill -HUP "${pids[ben]}"
eventually silent || fail "ben's interfaces after SIGHUP: $(check_of ben interfaces)"
