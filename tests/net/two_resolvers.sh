#!/usr/bin/env bash
# Two devices whose commands disagree about every conflict: they converge, and come to rest.
devices=(ada ben)
source "$(dirname "$0")/begin.sh"

# resolver DEVICE: what it answers is the sum of the numbers it was asked about, and its own name.
resolver() {
    printf '#!/bin/sh\necho asked >>%s\nexec jq -c '\''{fields: {by: "%s", n: ([.versions[].fields.n] | add)}}'\''\n' \
        "$work/$1.asked" "$1" >"$work/$1.sh"
    chmod +x "$work/$1.sh"
    at "$1" config set on_conflict "$work/$1.sh" >/dev/null
    at "$1" config set on_conflict_wait_ms 50 >/dev/null
}
conflicts_of() {
    status_of "$1" '[.collections[].conflicts] | add // 0'
}
changes_of() {
    status_of "$1" '[.collections[].changes] | add // 0'
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

# At rest: for forty times as long as an answer waits, nobody writes.
before=$(changes_of ada)
told=$(timeout 2 nsenter --net=/run/netns/ada "$p2psync" -C "$work/ada" --json watch notes) || true
equal "what ada hears later" "$(grep -c record_changed <<<"$told")" 0
equal "changes later" "$(changes_of ben)" "$before"
converged ada ben || fail "they did not stay in sync"

# Each conflict was answered by one of them at least, and by each a few times at most.
asked=$(cat "$work"/*.asked | wc -l)
[ "$asked" -ge $rounds ] && [ "$asked" -le $((4 * rounds)) ] ||
    fail "the commands were asked $asked times about $rounds conflicts"

# A device that joins now, and has a command too, replays all that without an answer.
devices+=(cleo)
lan_host cleo 3
invite_and_join ada cleo
resolver cleo
run cleo
within 60 converged ada ben cleo || fail "cleo does not catch up"
same_records notes ada ben cleo
[ ! -e "$work/cleo.asked" ] || fail "cleo answered conflicts of the past"
