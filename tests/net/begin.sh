# shellcheck shell=bash
# tests/net/begin.sh: how every test here begins. The test sets `devices` and is given the program; it goes
# on in a LAN of its own, or is skipped where none can be made.
set -euo pipefail
p2psync=$(realpath "$1")
source "$(dirname "${BASH_SOURCE[0]}")/../../tools/lan.sh"

lan_enter "$(realpath "$0")" "$@" || {
    echo "skipped: network namespaces cannot be made here"
    exit 77
}
lan_begin

# Why it failed is in what the nodes said.
end() {
    local result=$?
    [ $result -eq 0 ] || tail -n 20 "$work"/*.err >&2 || true
    lan_end
}
trap end EXIT

# eventually COMMAND...: poll until it succeeds. What has not come in two minutes never will.
eventually() {
    within 120 "$@"
}

# same_records COLLECTION DEVICES...: every reader sees the same records, bytes for bytes.
same_records() {
    local device
    at "$2" --json list "$1" --deleted >"$work/expected.jsonl"
    for device in "${@:3}"; do
        at "$device" --json list "$1" --deleted | cmp - "$work/expected.jsonl" ||
            fail "$device shows other records than $2"
    done
}

# field DEVICE COLLECTION ID NAME: one field of a record.
field() {
    at "$1" --json get "$2" "$3" | jq -r --arg name "$4" '.fields[$name]'
}

# equal WHAT GOT WANTED
equal() {
    [ "$2" = "$3" ] || fail "$1 is '$2', not '$3'"
}

# numbered FROM TO: that many records as JSON lines.
numbered() {
    seq "$1" "$2" | sed 's/.*/{"id": "record-&", "number": &, "text": "the text of record &"}/'
}

# second_lan: another LAN, 10.48.0.0/24, that only those reach who are put there.
second_lan() {
    ip link add lan2 type bridge
    ip link set lan2 up
}

# also_there HOST NUMBER: it gets a second interface, eth1, there.
also_there() {
    ip link add "to-$1-2" type veth peer name eth1 netns "$1"
    ip link set "to-$1-2" master lan2 up
    ip -n "$1" address add "10.48.0.$2/24" brd + dev eth1
    ip -n "$1" link set eth1 up
}

# only_there HOST NUMBER: its one interface is there.
only_there() {
    ip link set "to-$1" master lan2
    move "$1" "10.48.0.$2"
}

# move HOST ADDRESS: its interface changes its address.
move() {
    ip -n "$1" address flush dev eth0
    ip -n "$1" address add "$2/24" brd + dev eth0
}

# check_of DEVICE CHECK: what its doctor found there; hears DEVICE TEXT: that it heard this.
check_of() {
    at "$1" --json doctor 2>/dev/null | jq -r --arg check "$2" '.checks[] | select(.check == $check) | .detail'
}
hears() {
    [[ $(check_of "$1" beacons) == *"$2"* ]]
}

# endpoint_of DEVICE OTHER: where DEVICE reached OTHER.
endpoint_of() {
    at "$1" --json peers | jq -r --arg name "$2" '.[] | select(.name == $name) | .endpoint'
}
# reaches DEVICE OTHER ENDPOINT: that it is there, and connected.
reaches() {
    at "$1" --json peers | jq -e --arg name "$2" --arg endpoint "$3" \
        'any(.[]; .name == $name and .endpoint == $endpoint and .state == "in_sync")' >/dev/null
}
