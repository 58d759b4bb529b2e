#!/usr/bin/env bash
# A host behind a router, which no broadcast passes, syncs with one that it was told of by --peer, and is
# told by that one where the rest are.
devices=(ada ben cleo)
source "$(dirname "$0")/begin.sh"
second_lan
only_there cleo 3
echo 1 >/proc/sys/net/ipv4/ip_forward
ip address add 10.47.0.254/24 dev lan
ip address add 10.48.0.254/24 dev lan2
ip -n ada route add default via 10.47.0.254
ip -n ben route add default via 10.47.0.254
ip -n cleo route add default via 10.48.0.254

found ada
run ada
invite_and_join ada ben
run ben
invite_and_join ada cleo
run cleo --peer 10.47.0.1
eventually connected 2 "${devices[@]}" || fail "they did not find each other"
numbered 1 100 | at cleo import things --id id
eventually converged "${devices[@]}" || fail "not in sync"
same_records things "${devices[@]}"
! hears cleo "; heard" || fail "a broadcast has passed the router: $(check_of cleo beacons)"
