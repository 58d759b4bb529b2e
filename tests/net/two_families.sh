#!/usr/bin/env bash
# A LAN with both families: a node is reached at both without a setting, a code names both, and a host without
# IPv4 pairs and syncs with one that has both.
devices=(ada ben)
source "$(dirname "$0")/begin.sh"
ip -n ada address add fd47::1/64 dev eth0 nodad
ip -n ben address add fd47::2/64 dev eth0 nodad
ip -n ben -4 address flush dev eth0

found ada
run ada
reachable() {
    nsenter --net=/run/netns/ada bash -c "exec 3<>/dev/tcp/$1/47470" 2>/dev/null
}
reachable 10.47.0.1 || fail "ada does not listen on IPv4"
reachable fd47::1 || fail "ada does not listen on IPv6"

invite_and_join ada ben
run ben --no-beacon
eventually reaches ben ada "[fd47::1]:47470" || fail "ben reaches ada at $(endpoint_of ben ada)"
at ben put things a text="over IPv6" >/dev/null
eventually converged "${devices[@]}" || fail "not in sync"
same_records things "${devices[@]}"

# A host that came over IPv6, and whose beacons are not heard, is known where it came from: IPv6 in brackets.
eventually reaches ada ben "[fd47::2]:47470" || fail "ada reaches ben at $(endpoint_of ada ben)"
