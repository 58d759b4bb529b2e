#!/usr/bin/env bash
# A way on which large packets vanish, as over a tunnel behind a router that is silent about it. Packets of 1,280 bytes
# get through everywhere, so p2psync sends no larger ones. Where not even those do, it says so within seconds; what its
# doctor advises helps.
devices=(ada ben)
source "$(dirname "$0")/begin.sh"

# passes HOST SIZE: what goes to it may have SIZE bytes; the bridge drops larger packets and tells nobody.
passes() {
    ip link set "to-$1" mtu "$2"
}
# Packets are what the wire would have: the kernel sends none that is to be cut later.
cut_early() {
    ip -n "$1" link set eth0 gso_max_segs 1
}
# A text that fills a packet many times, also when it is compressed.
large() {
    head -c 15000 /dev/urandom | base64 -w 0
}
advice_of() {
    at "$1" --json doctor 2>/dev/null | jq -r '.checks[] | select(.check == "packets") | .fix'
}
alerted() {
    at "$1" --json peers | jq -e 'any(.[]; .alert != null and (.alert | contains("large packets to '"$2"'")))' >/dev/null &&
        [ "$(status_of "$1" '.alerts | length')" = 1 ]
}
quiet() {
    [ "$(status_of "$1" '.alerts | length')" = 0 ]
}

cut_early ada
cut_early ben
found ada
run ada
invite_and_join ada ben
run ben
eventually converged ada ben || fail "they do not converge"

passes ben 1280
passes ada 1280
at ada put notes one text="$(large)" >"$work/put"
at ben put notes two text="$(large)" >"$work/put"
eventually converged ada ben || fail "packets are larger than 1,280 bytes"
quiet ada || fail "ada complains without a reason"

passes ben 1100
in_background ada --json watch >"$work/events" &
at ada put notes three text="$(large)" >"$work/put"
eventually alerted ada ben || fail "ada does not say that large packets to ben vanish"
told() {
    grep -q '"event": *"error".*large packets to ben' "$work/events"
}
eventually told || fail "no event tells it"
[[ $(check_of ada packets) == *"large packets to ben"* ]] || fail "doctor says: $(check_of ada packets)"
[[ $(advice_of ada) == *'sudo sysctl -w net.ipv4.tcp_mtu_probing=1'* ]] || fail "doctor advises: $(advice_of ada)"
quiet ben || fail "large packets to ada pass, and ben complains"

nsenter --net=/run/netns/ada sysctl -qw net.ipv4.tcp_mtu_probing=1
eventually converged ada ben || fail "what doctor advises does not help"
eventually quiet ada || fail "ada still complains"
equal "what doctor says" "$(check_of ada packets)" ""
same_records notes ada ben
