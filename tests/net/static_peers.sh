#!/usr/bin/env bash
# Where no beacon gets through, one static peer on one side is enough; news goes on to the others, and so
# does where they are. Later no address need be given: the last known ones are tried.
devices=(ada ben cleo)
source "$(dirname "$0")/begin.sh"

found ada
run ada --no-beacon
invite_and_join ada ben
run ben --no-beacon --peer 10.47.0.1
invite_and_join ada cleo
run cleo --no-beacon --peer 10.47.0.1:47470
eventually connected 2 ada || fail "nobody reached ada"

converged_through_ada() {
    [ "$(status_of ada '"\(.in_sync) \(.peers_in_sync) \(.pending)"')" = "true 2 0" ] &&
        same_root ada ben && same_root ada cleo
}
numbered 1 500 | at cleo import things --id id
eventually converged_through_ada || fail "not in sync"
same_records things "${devices[@]}"
eventually connected 2 "${devices[@]}" || fail "ben and cleo were not told of each other"

for device in "${devices[@]}"; do
    at "$device" stop
    wait "${pids[$device]}"
done
for device in "${devices[@]}"; do
    run "$device" --no-beacon
done
at ada put things later text="with the last known addresses" >/dev/null
eventually converged "${devices[@]}" || fail "not in sync after a restart without addresses"
