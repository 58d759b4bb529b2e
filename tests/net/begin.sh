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
