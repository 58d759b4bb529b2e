#!/usr/bin/env bash
# What keeps beacons and connections back is said by the doctor, with what mends it: a program that has the beacons'
# port for itself, and filters that drop UDP and TCP as a firewall does.
devices=(ada ben)
source "$(dirname "$0")/begin.sh"

# fix_of DEVICE CHECK: what its doctor advises.
fix_of() {
    at "$1" --json doctor 2>/dev/null | jq -r --arg check "$2" '.checks[] | select(.check == $check) | .fix'
}
state_of() {
    at "$1" --json doctor 2>/dev/null | jq -r --arg check "$2" '.checks[] | select(.check == $check) | .state'
}
advises() {
    [[ $(check_of "$1" "$2") == *"$3"* ]] && [[ $(fix_of "$1" "$2") == *"$4"* ]]
}

found ada
mkfifo "$work/held"
nsenter --net=/run/netns/ada /usr/bin/python3 -c '
import signal, socket
held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
held.bind(("", 47470))
print("held", flush=True)
signal.pause()' >"$work/held" &
holder=$!
read -r line <"$work/held"
equal "the holder of the port" "$line" held
run ada
eventually advises ada beacons 'another program has that port for itself' 'ss -ulpn' || fail "not said: $(check_of ada beacons)"
equal "state of the check" "$(state_of ada beacons)" fail
kill "$holder"
wait "$holder" || true
is_ok() {
    [ "$(state_of "$1" beacons)" = ok ]
}
eventually is_ok ada || fail "still: $(check_of ada beacons)"

# drop HOST PROTOCOL PORT: nothing for that port gets in there, and nobody is told; PROTOCOL is a number, as a small
# system has no names of them. A rule of routing does it, which needs no module of the kernel, and comes before all
# others.
drop() {
    ip -n "$1" rule add pref 1 lookup local 2>/dev/null || true
    ip -n "$1" rule del pref 0
    ip -n "$1" rule add pref 0 iif eth0 ipproto "$2" dport "$3" blackhole
}
invite_and_join ada ben
drop ben 17 47470 # UDP
run ben
eventually advises ben beacons 'nothing heard of other devices' '47470' ||
    fail "not said: $(check_of ben beacons)"
equal "state of the check" "$(state_of ben beacons)" warn

drop ben 6 47470 # TCP
silent() {
    advises ada addresses '10.47.0.2:47470 does not answer' 'sudo ufw allow 47470/tcp'
}
eventually silent || fail "not said: $(check_of ada addresses)"
