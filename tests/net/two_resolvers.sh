#!/usr/bin/env bash
# Two devices whose commands disagree about every conflict: they converge, and come to rest.
devices=(ada ben)
source "$(dirname "$0")/begin.sh"

# resolver DEVICE: what it answers is the sum of the numbers it was asked about, and its own name, once `let_answer`
# lets it.
resolver() {
    printf '#!/bin/sh\necho asked >>%s\nread -r _ <%s\nexec jq -c '\''{fields: {by: "%s", n: ([.versions[].fields.n] | add)}}'\''\n' \
        "$work/$1.asked" "$work/$1.gate" "$1" >"$work/$1.sh"
    mkfifo "$work/$1.gate"
    chmod +x "$work/$1.sh"
    at "$1" config set on_conflict "$work/$1.sh" >/dev/null
    at "$1" config set on_conflict_wait_ms 50 >/dev/null
    at "$1" config set on_conflict_timeout_ms 600000 >/dev/null
}
conflicts_of() {
    status_of "$1" '[.collections[].conflicts] | add // 0'
}
changes_of() {
    status_of "$1" '[.collections[].changes] | add // 0'
}

# was_asked DEVICE COUNT: so often so far.
was_asked() {
    [ "$(cat "$work/$1.asked" 2>/dev/null | wc -l)" = "$2" ]
}
let_answer() {
    echo >"$work/$1.gate"
}
# answered DEVICE ID: it holds an answer to that, and no conflict.
answered() {
    [ "$(conflicts_of "$1")" = 0 ] && [ "$(field "$1" notes "$2" n)" = 11 ]
}
same_answer() {
    converged ada ben && answered ada "$1" && answered ben "$1"
}

found ada
resolver ada
run ada
invite_and_join ada ben
resolver ben
run ben
at ada collection set notes strategy manual >/dev/null

rounds=5
for round in $(seq $rounds); do
    at ada put notes "r$round" n=0 >/dev/null
    eventually converged ada ben || fail "round $round: not in sync"
    at ben stop >/dev/null
    at ada put notes "r$round" n=1 >/dev/null
    at ben put notes "r$round" n=10 >/dev/null
    run ben
    for device in ada ben; do # neither answers before the other was asked too
        eventually was_asked $device "$round" || fail "round $round: $device was not asked"
    done
    [ "$round" -gt 1 ] || unplug ben # in the first round neither gets the answer of the other before its own
    for device in ada ben; do
        let_answer $device
    done
    if [ "$round" = 1 ]; then
        for device in ada ben; do
            eventually answered $device r1 || fail "$device does not answer alone"
            equal "who answered on $device" "$(field $device notes r1 by)" $device
        done
        plug ben
    fi
    eventually same_answer "r$round" || fail "round $round: $(at ada --json get notes "r$round")"
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

# A device that joins now, and has a command too, replays all that without an answer.
devices+=(cleo)
lan_host cleo 3
invite_and_join ada cleo
resolver cleo
run cleo
eventually converged ada ben cleo || fail "cleo does not catch up"
same_records notes ada ben cleo
at_rest cleo # in which she would have answered
[ ! -e "$work/cleo.asked" ] || fail "cleo answered conflicts of the past"
