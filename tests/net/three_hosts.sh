#!/usr/bin/env bash
# Three hosts find each other by beacons, pair, converge, lose a link, are edited on both sides of it, and
# converge again. A member paired through one member is known to all.
devices=(ada ben cleo)
source "$(dirname "$0")/begin.sh"

found ada
run ada
invite_and_join ada ben
run ben
invite_and_join ben cleo
run cleo
eventually connected 2 "${devices[@]}" || fail "they did not find each other"

numbered 1 2000 | at ada import things --id id
numbered 2001 2500 | at cleo import things --id id
eventually converged "${devices[@]}" || fail "not in sync after importing on two hosts"
equal "ben's count" "$(records_of ben things)" 2500
same_records things "${devices[@]}"
equal "devices known to cleo" "$(at cleo --json devices list | jq length)" 3

unplug cleo
at ada put things record-1 text="by ada" >/dev/null
at ben put things record-2 text="by ben" >/dev/null
at ben delete things record-3 >/dev/null
at cleo put things record-1 text="by cleo" >/dev/null
at cleo put things record-4 text="by cleo" >/dev/null
eventually same_root ada ben || fail "ada and ben did not go on without cleo"
! same_root ada cleo || fail "cleo was not cut off"
eventually connected 0 cleo || fail "cleo does not notice that its link is gone"

plug cleo
eventually converged "${devices[@]}" || fail "not in sync after the link came back"
same_records things "${devices[@]}"
for device in "${devices[@]}"; do
    equal "the later edit on $device" "$(field "$device" things record-1 text)" "by cleo"
    equal "ben's edit on $device" "$(field "$device" things record-2 text)" "by ben"
    equal "cleo's edit on $device" "$(field "$device" things record-4 text)" "by cleo"
    equal "conflicts on $device" "$(status_of "$device" '[.collections[] | select(.name == "things") | .conflicts][0]')" 1
done
