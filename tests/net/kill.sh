#!/usr/bin/env bash
# Processes killed with -9 while they import and while they sync: whatever was acknowledged is there
# afterwards, on every device, and the roots are equal. The moments vary with the round.
devices=(ada ben)
source "$(dirname "$0")/begin.sh"
rounds=4
batch=3000

at ada init --name ada
run ada
invite_and_join ada ben
run ben
within 60 connected 1 "${devices[@]}" || fail "they did not find each other"

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
kill_node() {
    kill -KILL "${pids[$1]}"
    wait "${pids[$1]}" 2>/dev/null || true
}

for round in $(seq $rounds); do
    rm -f "$work/enough"
    write_until_told "$round" &
    writer=$!
    first=$(((round - 1) * batch + 1))
    numbered $first $((round * batch)) >"$work/batch.jsonl"
    nsenter --net=/run/netns/ada "$p2psync" -C "$work/ada" import things --id id "$work/batch.jsonl" \
        >/dev/null 2>&1 &
    importing=$!

    # Somewhere within the import, and somewhere within the sync of what it has brought so far.
    within 60 has_at_least ada things $((first + round * 300)) || fail "the import does not get on"
    kill -KILL $importing 2>/dev/null || true # it may have come to its end
    wait $importing 2>/dev/null || true
    kill_node ada
    within 60 has_at_least ben promises 1 || fail "nothing reached ben"
    kill_node ben

    run ada
    run ben
    at ada import things --id id "$work/batch.jsonl" >/dev/null
    touch "$work/enough"
    wait $writer
done

within 90 converged "${devices[@]}" || fail "not in sync after $rounds rounds"
equal "records imported" "$(records_of ben things)" $((rounds * batch))
same_records things "${devices[@]}"
for device in "${devices[@]}"; do
    at "$device" --json list promises | jq -r .id | sort >"$work/kept"
    lost=$(sort "$work/acknowledged" | comm -23 - "$work/kept")
    [ -z "$lost" ] || fail "lost on $device: $lost"
done
