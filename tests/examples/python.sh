#!/usr/bin/env bash
# tests/examples/python.sh LIBRARY SOURCE_DIR: the Python program writes, is told, and lists in the order of
# ids.
source "$(dirname "$0")/begin.sh"
library=$1 notes=$2/notes.py
for python in /usr/bin/python3 "$(command -v python3 || true)"; do
    [ -x "$python" ] && break
done
[ -x "$python" ] || {
    echo "skipped: there is no python3"
    exit 77
}
"$python" -c 'import ctypes' || {
    echo "skipped: this python3 has no ctypes"
    exit 77
}

"$python" -B "$notes" "$library" "$work/notes" pears='two, ripe' apples=grün >"$work/listed"
printf '%s\n' '{"id": "apples", "text": "gr\u00fcn"}' '{"id": "pears", "text": "two, ripe"}' |
    diff - "$work/listed" || fail "listed otherwise"
