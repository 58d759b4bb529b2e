#!/usr/bin/env bash
# A LAN without IPv4: its hosts have nothing but the link-local addresses that each interface gives itself. A
# code carries one, the joining host tries it on its own interface, and nodes find each other by multicast.
devices=(ada ben cleo)
source "$(dirname "$0")/begin.sh"

# without_ipv4 HOST: only its link-local address is left; ready HOST: and it may be used.
without_ipv4() {
    ip -n "$1" -4 address flush dev eth0
}
ready() {
    [[ $(ip -n "$1" -6 address show dev eth0 scope link -tentative) == *fe80* ]]
}
# address_of HOST: that address.
address_of() {
    ip -n "$1" -json -6 address show dev eth0 scope link | jq -r '.[].addr_info[].local'
}
for device in "${devices[@]}"; do
    without_ipv4 "$device"
    eventually ready "$device" || fail "$device has no IPv6 address"
done

found ada
run ada
invite_and_join ada ben
run ben
invite_and_join ada cleo
eventually hears ada "heard ben at [$(address_of ben)%eth0]:47470" || fail "ada hears $(check_of ada beacons)"
eventually reaches ben ada "[$(address_of ada)%eth0]:47470" || fail "ben reaches ada at $(endpoint_of ben ada)"

# An address with its interface is an address like any other.
run cleo --no-beacon --peer "$(address_of ben)%eth0"
eventually reaches cleo ben "[$(address_of ben)%eth0]:47470" || fail "cleo reaches ben at $(endpoint_of cleo ben)"
numbered 1 100 | at cleo import things --id id
eventually converged "${devices[@]}" || fail "not in sync"
same_records things "${devices[@]}"

# Without its interface it is refused before anything else happens.
! at cleo config set peers '["fe80::1"]' 2>/dev/null || fail "an address that leads nowhere was taken"
