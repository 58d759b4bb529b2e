#!/usr/bin/env bash
# Processes killed with -9 while they import and while they sync: whatever was acknowledged is there
# afterwards, on every device, and the roots are equal. The moments vary with the round.
devices=(ada ben)
source "$(dirname "$0")/begin.sh"
rounds=4
batch=40000

found ada
run ada
invite_and_join ada ben
run ben
eventually connected 1 "${devices[@]}" || fail "they did not find each other"

# Single writes, one after another; a line in `acknowledged` is a promise.
write_until_told() {
    local number=0
    while [ ! -e "$work/enough" ]; do
        number=$((number + 1))
        at ada put promises "$1-$number" number=$number >/dev/null && echo "$1-$number" >>"$work/acknowledged"
    done
}
has_at_least() {
    [ "$(records_of "$1" "$2")" -ge "$3" ]
}
kill_now() {
    kill -KILL "$1" 2>/dev/null || true # it may have come to its end
    wait "$1" 2>/dev/null || return 0
}
# import_some FILE: in the background; `importing` is the process.
import_some() {
    in_background ada import things --id id "$1" >"$work/import.out" 2>&1 &
    importing=$!
}

for round in $(seq $rounds); do
    rm -f "$work/enough"
    write_until_told "$round" &
    writer=$!
    before=$(((round - 1) * batch))
    numbered $((before + 1)) $((before + batch)) >"$work/batch.jsonl"

    # The import, and the node that passes on what it has brought so far, end at the same moment. However fast
    # it is, that is on its way: its input has no end, for this script could still write to it.
    mkfifo "$work/endless"
    exec {endless}<>"$work/endless"
    cat "$work/batch.jsonl" >"$work/endless" &
    feeding=$!
    import_some "$work/endless"
    eventually has_at_least ada things $((before + round * batch / (2 * rounds))) || fail "the import does not get on"
    kill -0 $importing || fail "the import has ended before its input"
    kill_now $importing
    kill_now "${pids[ada]}"
    kill_now $feeding
    exec {endless}>&-
    rm "$work/endless"
    run ada

    # The import starts again, and the device that receives it is killed on the way.
    import_some "$work/batch.jsonl"
    eventually has_at_least ben things $((before + round * batch / rounds)) || fail "the sync does not get on"
    kill_now "${pids[ben]}"
    run ben
    wait $importing || fail "the second import failed: $(cat "$work/import.out")"
    touch "$work/enough"
    wait $writer
done
eventually converged "${devices[@]}" || fail "not in sync after $rounds rounds"
equal "records imported" "$(records_of ben things)" $((rounds * batch))
same_records things "${devices[@]}"
for device in "${devices[@]}"; do
    at "$device" --json list promises | jq -r .id | sort >"$work/kept"
    lost=$(sort "$work/acknowledged" | comm -23 - "$work/kept")
    [ -z "$lost" ] || fail "lost on $device: $lost"
done
echo "$(wc -l <"$work/acknowledged") writes acknowledged, $rounds imports killed on their way"
