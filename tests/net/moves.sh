#!/usr/bin/env bash
# A host changes its address while its node runs, and another restarts, killed, at another one: they are
# found again where they are, and what was written meanwhile goes through.
devices=(ada ben)
source "$(dirname "$0")/begin.sh"

found ada
run ada
invite_and_join ada ben
run ben -v
eventually connected 1 "${devices[@]}" || fail "they did not find each other"

move ben 10.47.0.22
at ben put things a text="from elsewhere" >/dev/null
eventually same_root ada ben || fail "not in sync after ben changed its address"
eventually grep -q "resumed: the network has changed" "$work/ben.err" || fail "ben's node did not notice"
eventually reaches ada ben 10.47.0.22:47470 || fail "ada reaches ben at $(endpoint_of ada ben)"

kill -KILL "${pids[ada]}"
wait "${pids[ada]}" 2>/dev/null || true
at ben put things b text="while ada was away" >/dev/null
move ada 10.47.0.11
run ada
eventually converged "${devices[@]}" || fail "not in sync after ada restarted"
eventually reaches ben ada 10.47.0.11:47470 || fail "ben reaches ada at $(endpoint_of ben ada)"
same_records things "${devices[@]}"
