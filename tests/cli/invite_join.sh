# shellcheck shell=bash disable=SC2154,SC2016
# Two devices pair and converge, on 127.0.0.1.

expect 0 a --json init --name kitchen
fingerprint=$(answer .fingerprint)
at a put notes n1 from=kitchen >/dev/null
node a
listen a

# ---- pairing, with the inviter waiting ----

mkfifo "$work/invited"
at a --json invite >"$work/invited" 2>"$work/invite.log" &
inviter=$!
pids+=("$inviter")
exec {invited}<"$work/invited"
next_line "$invited"
jq -e 'keys == ["code", "expires"]' <<<"$line" >/dev/null || fail "no code: $line"
code=$(jq -r .code <<<"$line")
expect 0 b --json join "$code" --name cellar
holds 'keys == ["device", "fingerprint", "inviter_fingerprint", "mesh", "name"] and .name == "cellar"'
equal "$(answer .inviter_fingerprint)" "$fingerprint"
next_line "$invited"
equal "$(jq -r '"\(.event) \(.fingerprint) \(.name)"' <<<"$line")" "device_joined $(answer .fingerprint) cellar"
wait "$inviter" || fail "invite ended with $?"

expect 6 c join "$code" # used

# The code need not stand in the list of processes, and does not stay there.
expect 6 c join - <<<"$code"
P2PSYNC_CODE=$code expect 6 c join </dev/null
expect 2 c join </dev/null
complains "P2PSYNC_CODE"
expect 2 c join - </dev/null
kill -STOP "$node" # so that the reply does not come while we look
"$program" -C "$work/c" join "$code" 2>"$work/c.err" &
joiner=$!
pids+=("$joiner")
until grep -q join "/proc/$joiner/cmdline" && ! grep -q "$code" "/proc/$joiner/cmdline"; do kill -0 "$joiner"; done
kill -CONT "$node"
wait "$joiner" && fail "it joined"
grep -q refused "$work/c.err" || fail "join: $(cat "$work/c.err")"

expect 4 a join "$code"
complains "is a member of the mesh of this code already"

# ---- converging ----

at b put notes n2 from=cellar >/dev/null
address=$(ss -Hltnp 2>/dev/null | sed -n "s/.*\(127.0.0.1:[0-9]*\) .*pid=$node,.*/\1/p" | head -n 1)
a_node=$node
node b --peer "${address:-127.0.0.1}"
await peer_up '.name == "cellar"'
expect 0 a --json now
holds '.peers == 1'
expect 0 b --json now
root() {
    at "$1" --json status | jq -r .root
}
equal "$(root a)" "$(root b)"
same() {
    equal "$(at a --json list notes --deleted)" "$(at b --json list notes --deleted)"
}
same
equal "$(at b --json get notes n1 | jq -r .fields.from)" kitchen
equal "$(at a --json get notes n2 | jq -r .fields.from)" cellar

expect 0 a --json peers
holds 'length == 1 and (.[0] | keys == ["ahead", "alert", "behind", "conflicts", "device", "endpoint", "faults", "fingerprint",
    "found_by", "interface", "last_fault", "last_seen", "last_sync", "name", "protocol", "received_bytes", "rtt_ms", "sent_bytes", "skew_ms", "state"])'
holds '.[0].name == "cellar" and .[0].state == "in_sync" and .[0].behind == 0 and .[0].interface == "lo"'
expect 0 a --json status
holds '.devices == 2 and .peers_connected == 1 and .peers_in_sync == 1 and .state == "in_sync" and .in_sync'
expect 0 a status
says 'in sync with 1 connected; the mesh has 2 devices'
expect 0 a peers
says cellar
expect 0 a --json devices
holds 'length == 2'

# A write travels, also one of names and one by a file.
expect 0 b --json put notes n3 from=cellar
await record_changed '.id == "n3"'
seq 2000 | sed 's/.*/{"id": &, "text": "the text of record &"}/' | at b import things >/dev/null
expect 0 b --json now
equal "$(at a --json list things | wc -l)" 2000
expect 0 a --json devices rename cellar attic
expect 0 a --json now
expect 0 b --json devices
holds 'map(.name) | sort == ["attic", "kitchen"]'
expect 3 a devices rename somebody x
same

# ---- other ends of an invite ----

expect 4 b init
expect 0 d --json init --name other
at d put notes x a=1 >/dev/null
expect 0 a --json invite --no-wait --expires 2h
holds 'keys == ["code", "expires"]'
code=$(answer .code)
expect 4 d join "$code"
complains "join: '$work/d': this device belongs to a mesh with other members or records already"
complains "-C DIR"
expect 2 e join "${code%?}"

# A device is not renamed by joining.
expect 0 g init --name cupboard
expect 4 g join "$code" --name pantry
complains "is called 'cupboard' already"
complains "devices rename"

# It keeps the name it has, and knows it before it has heard from anyone.
expect 0 f init --name porch
for _ in 1 2; do
    expect 0 f --json join "$code"
    holds '.name == "porch"'
    expect 0 f --json status
    holds '.name == "porch"'
done
expect 0 a --json devices
holds 'map(.name) | sort == ["attic", "kitchen", "porch"]'

# ---- an invite that ends before its time ----

# ended INVITE WHY: that process waits no more, failed, and said why.
ended() {
    local code=0
    wait "$1" || code=$?
    equal "$code" 1
    grep -qF -- "$2" "$work"/waited.* || fail "the invite does not say: $2"
    rm "$work"/waited.*
}
waited=0
# waiting: start an invite that waits; its process is $inviter, its code $code.
waiting() {
    rm -f "$work/invited"
    mkfifo "$work/invited"
    waited=$((waited + 1))
    at a --json invite >"$work/invited" 2>"$work/waited.$waited" &
    inviter=$!
    pids+=("$inviter")
    exec {invited}<"$work/invited"
    next_line "$invited"
    code=$(jq -r .code <<<"$line")
}
expect 0 a invite --cancel # the one above: porch, which has not synced yet, might have tried once more
expect 3 a invite --cancel
complains "no invite is open"
waiting
program_pid=$(pgrep -P "$inviter" || true) # the function runs it in a shell of its own
kill -INT "${program_pid:-$inviter}"
ended "$inviter" "works no more"
expect 3 a invite --cancel
waiting
first=$inviter
expect 0 a --json invite --no-wait
ended "$first" "another invite took its place"
expect 0 a invite --cancel
says "is closed"
expect 3 a invite --cancel
waiting
expect 0 a --json invite --cancel
holds '.cancelled'
ended "$inviter" "it was cancelled"
# Two that wait: the second does not take the end of the first for its own.
waiting
first=$inviter
waiting
ended "$first" "another invite took its place"
expect 0 h --json join "$code" --name loft
wait "$inviter" || fail "the invite that was used ended with $?"
# A QR code that cannot be written to its end leaves nothing open.
if [ -e /dev/full ]; then
    expect 1 a invite --no-wait --qr /dev/full
    complains "cannot write '/dev/full'"
    expect 3 a invite --cancel
fi
expect 2 a invite --cancel --no-wait

# ---- the own mesh ----

expect 0 a --json invite --no-wait
code=$(answer .code)
for device in a b; do
    expect 4 $device join "$code"
    complains "is a member of the mesh of this code already"
done
expect 0 a invite --cancel
code=0
at a invite --expires 1s >"$work/out" 2>"$work/err" || code=$?
equal "$code" 1
complains "invite again"

# ---- apart ----

expect 0 b stop
await peer_down '.name == "attic"'
expect 1 a now
complains "reach"
expect 0 a --json peers
holds '.[0].state != "in_sync"'
expect 0 a stop
wait "$a_node"
