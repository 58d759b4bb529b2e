#!/usr/bin/env bash
# A device's directory is copied to a second host, and both are on, with nobody else there: each finds the other by its
# beacons, and says so. One that only starts anew, and hears its own beacons, says nothing.
devices=(ada ben)
source "$(dirname "$0")/begin.sh"

found ada
cp -a "$work/ada" "$work/ben"
run ada
has_sent() {
    [[ $(check_of ada beacons) =~ ^[1-9] ]]
}
eventually has_sent || fail "ada sends no beacons"
equal "alerts of ada alone" "$(status_of ada '.alerts | length')" 0

run ben
# alerted DEVICE ADDRESS: it says that its twin is there.
alerted() {
    status_of "$1" '.alerts[0] // ""' | grep -q "another device runs with this one's key at $2:"
}
eventually alerted ada 10.47.0.2 || fail "ada does not know of its twin"
eventually alerted ben 10.47.0.1 || fail "ben does not know of its twin"
[[ $(check_of ada twins) == *10.47.0.2* ]] || fail "doctor does not say it"
