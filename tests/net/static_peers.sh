#!/usr/bin/env bash
# Where no beacon gets through, one static peer on one side is enough; news goes on to the others.
devices=(ada ben cleo)
source "$(dirname "$0")/begin.sh"

found ada
run ada --no-beacon
invite_and_join ada ben
run ben --no-beacon --peer 10.47.0.1
invite_and_join ada cleo
run cleo --no-beacon --peer 10.47.0.1:47470
within 60 connected 2 ada || fail "nobody reached ada"

converged_through_ada() {
    [ "$(status_of ada '"\(.in_sync) \(.peers_in_sync) \(.pending)"')" = "true 2 0" ] &&
        same_root ada ben && same_root ada cleo
}
numbered 1 500 | at cleo import things --id id
within 60 converged_through_ada || fail "not in sync"
same_records things "${devices[@]}"
