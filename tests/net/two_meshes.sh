#!/usr/bin/env bash
# Two meshes on one LAN do not see each other, not even when a node is told the address of a stranger.
devices=(ada ben xena yuri)
source "$(dirname "$0")/begin.sh"

# mesh FOUNDER OTHER OPTIONS...: two devices in a mesh of their own.
mesh() {
    found "$1"
    run "$1" "${@:3}"
    invite_and_join "$1" "$2"
    run "$2"
}
mesh xena yuri
mesh ada ben --peer 10.47.0.3
eventually connected 1 "${devices[@]}" || fail "the pairs did not find each other"

# Long enough for every beacon of the first seconds to have come: each host hears those of all four.
has_heard() {
    [ "$(nsenter --net="/run/netns/$1" awk '/^Udp: [0-9]/ {print $2}' /proc/net/snmp)" -ge 8 ]
}
for device in "${devices[@]}"; do
    eventually has_heard "$device" || fail "$device hears no beacons"
done

numbered 1 10 | at ada import ours --id id
numbered 1 10 | at xena import theirs --id id
eventually converged ada ben || fail "ada and ben are not in sync"
eventually converged xena yuri || fail "xena and yuri are not in sync"

for device in "${devices[@]}"; do
    equal "devices that $device knows" "$(at "$device" --json peers | jq length)" 1
    equal "devices connected to $device" "$(status_of "$device" .peers_connected)" 1
done
equal "collections of ben" "$(status_of ben '[.collections[].name | select(startswith("_") | not)] | join(" ")')" ours
equal "collections of yuri" "$(status_of yuri '[.collections[].name | select(startswith("_") | not)] | join(" ")')" theirs
! same_root ada xena || fail "two meshes have one root"
