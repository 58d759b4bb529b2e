#!/usr/bin/env bash
# Two devices whose commands disagree about every conflict: they converge, and come to rest.
devices=(ada ben)
source "$(dirname "$0")/begin.sh"

# resolver DEVICE [WAIT]: what it answers is the sum of the numbers it was asked about, and its own name; WAIT is
# done before.
resolver() {
    printf '#!/bin/sh\necho asked >>%s\n%s\nexec jq -c '\''{fields: {by: "%s", n: ([.versions[].fields.n] | add)}}'\''\n' \
        "$work/$1.asked" "${2-}" "$1" >"$work/$1.sh"
    chmod +x "$work/$1.sh"
    at "$1" config set on_conflict "$work/$1.sh" >/dev/null
    at "$1" config set on_conflict_wait_ms 50 >/dev/null
    at "$1" config set on_conflict_timeout_ms 60000 >/dev/null
}
conflicts_of() {
    status_of "$1" '[.collections[].conflicts] | add // 0'
}
changes_of() {
    status_of "$1" '[.collections[].changes] | add // 0'
}

# Neither answers before the other is asked too: opening a pipe waits for its other end.
mkfifo "$work/meet"
found ada
resolver ada "echo >$work/meet"
run ada
invite_and_join ada ben
resolver ben "read -r _ <$work/meet"
run ben
at ada collection set notes strategy manual >/dev/null

rounds=5
for round in $(seq $rounds); do
    at ada put notes "r$round" n=0 >/dev/null
    within 60 converged ada ben || fail "round $round: not in sync"
    at ben stop >/dev/null
    at ada put notes "r$round" n=1 >/dev/null
    at ben put notes "r$round" n=10 >/dev/null
    run ben
    answered() {
        converged ada ben && [ "$(conflicts_of ada)" = 0 ] && [ "$(conflicts_of ben)" = 0 ] &&
            [ "$(field ada notes "r$round" n)" = 11 ]
    }
    within 60 answered || fail "round $round: $(at ada --json get notes "r$round")"
done
same_records notes ada ben

# at_rest DEVICE: for forty times as long as an answer waits, nobody writes. The watch must have been cut off
# by the time limit: one that could not listen has heard nothing, too.
at_rest() {
    local told result=0
    told=$(timeout 2 nsenter --net="/run/netns/$1" "$p2psync" -C "$work/$1" --json watch notes) || result=$?
    equal "how the watch of $1 ended" $result 124
    equal "changes that $1 hears of later" "$(grep -c record_changed <<<"$told")" 0
}
before=$(changes_of ada)
at_rest ada
equal "changes later" "$(changes_of ben)" "$before"
converged ada ben || fail "they did not stay in sync"

# Each was asked about each conflict once: what both have answered is none any more.
for device in ada ben; do
    equal "how often $device was asked" "$(wc -l <"$work/$device.asked")" $rounds
done
# A round is three edits and one answer, or two where they crossed.
[ "$before" -gt $((4 * rounds)) ] || fail "no two answers have crossed"

# A device that joins now, and has a command too, replays all that without an answer.
devices+=(cleo)
lan_host cleo 3
invite_and_join ada cleo
resolver cleo
run cleo
within 60 converged ada ben cleo || fail "cleo does not catch up"
same_records notes ada ben cleo
at_rest cleo # in which she would have answered
[ ! -e "$work/cleo.asked" ] || fail "cleo answered conflicts of the past"
