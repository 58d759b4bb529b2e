# shellcheck shell=bash disable=SC2154,SC2016
# verify checks all that is stored, and --repair mends it: records from the log, changes from another device.
own_host

expect 1 a verify
at a init --name kitchen >/dev/null
seq 300 | sed 's/.*/{"id": "r&", "n": &}/' | at a import things >/dev/null
at a put things r7 n=8 >/dev/null
expect 0 a verify
says "603 changes and records checked, 0 bad, 0 repaired"
expect 2 a verify all

# The row of a record.
"$sign" "$work/a" things r7 damage
code=0
at a --json verify >"$work/out" || code=$?
equal "$code" 1
holds '.bad >= 1 and .repaired == 0 and (.findings | all(.collection == "things" and .kind == "record"))'
expect 0 a --json verify --repair
holds '.bad >= 1 and .repaired == .bad'
expect 0 a --json get things r7
holds '.fields.n == 8'
expect 0 a verify

# Another device has what this disk loses; without a running node it waits for one.
node a
first=$node
at b join "$(at a --json invite --no-wait | jq -r .code)" --name cellar >/dev/null
node b --peer "$host:$(port_of a)"
expect 0 b now
at a stop >/dev/null
wait "$first" || true
"$sign" "$work/a" things - lose
code=0
at a --json verify --repair >"$work/out" || code=$?
equal "$code" 1
holds '.bad == 1 and .repaired == 0 and .findings == [{collection: "things", kind: "change", count: 1}]'
expect 0 a --json status
holds '.damaged == 1'
code=0
at a doctor >"$work/out" || code=$?
equal "$code" 1
says "1 change cannot be read from the disk: of things"
expect 0 a --json get things r1
holds '.fields.n == 1'
node a --peer "$host:$(port_of b)"
expect 0 a --json verify --repair
holds '.bad == .repaired'
expect 0 a --json status
holds '.damaged == 0'
expect 0 a --json verify
holds '.bad == 0'

# The row of a log, which says how long it is: it follows from the log's changes.
at a stop >/dev/null
wait "$node" || true
"$sign" "$work/a" things - rot
expect 1 a get things r1
code=0
at a --json verify >"$work/out" || code=$?
equal "$code" 1
holds '.findings | any(.kind == "table" and .count == 1)'
expect 0 a --json verify --repair
holds '.bad >= 1 and .repaired == .bad'
expect 0 a --json get things r7
holds '.fields.n == 8'
expect 0 a verify

# A node mends it by itself, when it starts.
"$sign" "$work/a" things - rot
node a
expect 0 a --json get things r7
holds '.fields.n == 8'
at a put things r8 n=9 >/dev/null
at a stop >/dev/null
wait "$node" || true
expect 0 a verify
