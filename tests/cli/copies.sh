# shellcheck shell=bash disable=SC2154,SC2016
# A device's directory is copied, and both are on: each of the two is told, and so is who meets both. The copy becomes a
# device of its own, loses nothing of what it holds, and joins by an invite.
own_host

# alerted DEVICE TEXT: until its status has an alert that holds TEXT.
alerted() {
    until at "$1" --json status | jq -e --arg text "$2" '.alerts | any(contains($text))' >/dev/null; do :; done
}

at a init --name kitchen >/dev/null
node a
at b join "$(at a --json invite --no-wait | jq -r .code)" --name cellar >/dev/null
expect 0 b put notes n1 text=before
expect 0 b put _local_x n1 text=here
peer=$host:$(port_of a)
node b --peer "$peer"
cellar=$node
expect 0 b now
expect 0 b stop
wait "$cellar"
cp -a "$work/b" "$work/copy"
rm -f "$work/copy/control.sock"

# A copy that only takes the place of the other is no twin, nor is a device that starts anew.
for device in copy b copy; do
    node $device --peer "$peer"
    expect 0 $device now
    expect 0 $device --json status
    holds '.alerts == []'
    expect 0 $device stop
    wait "$node"
done
expect 0 a --json status
holds '.alerts == []'

node b --peer "$peer"
cellar=$node
node copy --peer "$peer"
copied=$node
alerted a "two devices run with the key of cellar: at $host"
alerted b "another device runs with this one's key"
alerted copy "another device runs with this one's key"
expect 0 a --json peers
holds '.[0].alert | contains("two devices run with the key of cellar")'
expect 0 a peers
says 'two devices run with the key of cellar'
expect 0 b status
says "another device runs with this one's key"
"$program" -C "$work/b" --json doctor >"$work/out" 2>"$work/err" && fail 'doctor finds nothing'
holds '.checks[] | select(.check == "twins") | .state == "fail" and (.fix | contains("init --from-copy"))'

# The way out. What was written in the copy meanwhile is not lost.
expect 4 copy init --from-copy --name loft # a node runs
expect 0 copy stop
wait "$copied"
expect 0 copy put notes n2 text=twin
expect 0 copy --json init --from-copy --name loft
holds '.name == "loft"'
equal "$(at copy --json status | jq -r .mesh)" "$(at b --json status | jq -r .mesh)"
[ "$(at copy --json status | jq -r .device)" != "$(at b --json status | jq -r .device)" ] || fail 'it is the same device'
expect 0 copy --json get _local_x n1
holds '.fields.text == "here"'
expect 0 copy put notes n3 text=between
"$program" -C "$work/copy" --json doctor >"$work/out" 2>"$work/err" && fail 'doctor finds nothing'
holds '.checks[] | select(.check == "membership") | .state == "fail" and (.fix | contains("join CODE"))'
at c init --name other >/dev/null
node c
expect 4 copy join "$(at c --json invite --no-wait | jq -r .code)" # of another mesh: its records would be lost
expect 0 copy --json get notes n3
expect 0 copy --json join "$(at a --json invite --no-wait | jq -r .code)"
holds '.name == "loft"'
node copy --peer "$peer"
expect 0 copy now
for id in n1 n2 n3; do
    for device in a b copy; do
        until at $device --json get notes $id >"$work/out" 2>/dev/null; do :; done
    done
done
expect 0 copy --json get _local_x n1
expect 0 a --json devices
holds '[.[].name] | sort == ["cellar", "kitchen", "loft"]'
expect 1 nothing init --from-copy
complains 'p2psync init'
