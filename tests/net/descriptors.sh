#!/usr/bin/env bash
# A node that sends and hears beacons, however few files it may open: it runs, or says why not.
devices=(ada)
source "$(dirname "$0")/begin.sh"
export ASAN_OPTIONS=abort_on_error=1:detect_leaks=0 # leaks are looked for with files of its own

found ada
started=0
for count in $(seq 8 96); do
    code=0
    mkfifo "$work/ready"
    (
        ulimit -n "$count"
        in_background ada run
    ) >"$work/ready" 2>"$work/ada.err" &
    node=$!
    exec {ready}<"$work/ready"
    rm "$work/ready"
    if read -r <&"$ready"; then
        started=$((started + 1))
        kill "$node"
    fi
    exec {ready}<&-
    wait "$node" || code=$?
    [ "$code" -eq 0 ] || { [ "$code" -eq 1 ] && grep -q "too many open files" "$work/ada.err"; } ||
        fail "ulimit -n $count: it ends with $code"
done
[ "$started" -gt 0 ] || fail "it never ran"
