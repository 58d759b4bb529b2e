#!/usr/bin/env bash
# Twelve devices that reach each other only through a relay, while the weather is bad: messages come late, connections
# are cut in the middle of a message or go silent, in one direction or in both, groups are parted, and nodes are stopped
# for 5 to 90 s, all under load. When it clears up, all of them hold the same, and whatever was acknowledged is there.
# weather.sh PROGRAM [SPELLS] [SEED]: a spell takes up to two minutes.
devices=(n1 n2 n3 n4 n5 n6 n7 n8 n9 n10 n11 n12)
source "$(dirname "$0")/begin.sh"
spells=${2:-30}
RANDOM=${3:-1}
gate=10.47.0.254

# Hosts do not reach each other, only the bridge, where the relay listens: at port 10000 + 100 * FROM + TO.
ip address add $gate/24 dev lan
peers() {
    local from=$1 to
    for to in $(seq ${#devices[@]}); do
        [ "$to" = "$from" ] || printf -- '--peer\n%s\n' "$gate:$((10000 + 100 * from + to))"
    done
}
for device in "${devices[@]}"; do
    bridge link set dev "to-$device" isolated on
done
mkfifo "$work/weather"
exec {weather}<>"$work/weather"
python3 "$(dirname "$0")/relay" ${#devices[@]} $gate <"$work/weather" &
relay=$!
# forecast FROM TO WHAT: for what goes from one to the other; relay says what there is.
forecast() {
    echo "$@" >&"$weather"
}

found n1
run n1 --no-beacon --listen 10.47.0.1:47470
# Whoever joins reaches the one who invites.
bridge link set dev to-n1 isolated off
for number in $(seq 2 ${#devices[@]}); do
    invite_and_join n1 "n$number"
done
bridge link set dev to-n1 isolated on
kill "${pids[n1]}"
wait "${pids[n1]}" || true
for number in $(seq ${#devices[@]}); do
    mapfile -t options < <(peers "$number")
    run "n$number" --no-beacon --listen "10.47.0.$number:47470" "${options[@]}"
done
eventually connected $((${#devices[@]} - 1)) n1 || fail "n1 does not reach them all through the relay"

# Each writes one record after another; a line in `acknowledged` is a promise.
write_until_told() {
    local number=0
    while [ ! -e "$work/enough" ]; do
        number=$((number + 1))
        at "$1" put promises "$1-$number" number=$number by="$1" >/dev/null && echo "$1-$number" >>"$work/acknowledged"
        at "$1" put shared "r$((number % 20))" number=$number "by_$1=$number" >/dev/null
        sleep 0.5 # load, and not a wait for anything
    done
}
for device in n1 n5 n9; do
    write_until_told $device &
done

kinds=(late cut half silent)
for spell in $(seq "$spells"); do
    for _ in $(seq $((RANDOM % 20 + 5))); do
        forecast $((RANDOM % ${#devices[@]} + 1)) $((RANDOM % ${#devices[@]} + 1)) "${kinds[RANDOM % ${#kinds[@]}]}"
    done
    if [ $((RANDOM % 3)) = 0 ]; then # two groups
        for from in $(seq 6); do
            for to in $(seq 7 12); do
                forecast "$from" "$to" silent
                [ $((spell % 2)) = 0 ] || forecast "$to" "$from" silent
            done
        done
    fi
    stopped=${pids[n$((RANDOM % ${#devices[@]} + 1))]}
    kill -STOP "$stopped"
    sleep $((RANDOM % 86 + 5)) # for so long it is as if suspended
    kill -CONT "$stopped"
    forecast 0 0 clear
    for device in "${devices[@]}"; do
        kill -0 "${pids[$device]}" || fail "$device has ended: $(tail -n 3 "$work/$device.err")"
    done
    echo "spell $spell of $spells is over"
done
touch "$work/enough"
wait_for_writers() {
    [ -z "$(jobs -pr | grep -vxF "$(printf '%s\n' "$relay" "${pids[@]}")")" ]
}
eventually wait_for_writers || fail "writers do not end"
within 600 converged "${devices[@]}" || {
    for device in "${devices[@]}"; do
        status_of "$device" '"\(.name): in sync \(.in_sync), with \(.peers_in_sync), connected \(.peers_connected), \(.root)"' >&2
    done
    fail "they are not all in sync after the weather"
}
same_records promises "${devices[@]}"
same_records shared "${devices[@]}"
at n12 --json list promises | jq -r .id | sort >"$work/kept"
lost=$(sort "$work/acknowledged" | comm -23 - "$work/kept")
[ -z "$lost" ] || fail "lost: $lost"
echo "$(wc -l <"$work/acknowledged") writes acknowledged in $spells spells"
