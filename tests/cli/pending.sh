# shellcheck shell=bash disable=SC2154,SC2016
# What waits for others: pending lists it, status counts it, and doctor says what to do.

expect 1 a pending
at a init --name kitchen >/dev/null
expect 0 a pending
says "nothing waits"
expect 0 a --json pending
equal "$(cat "$work/out")" "[]"
expect 0 a status
says "pending     nothing"

# One edit on top of what is lost, and one transaction of which only the beginning came.
at a put notes other x=1 >/dev/null
"$sign" "$work/a" notes milk lost
"$sign" "$work/a" lists bread begun
expect 0 a --json pending
holds 'length == 2'
holds '.[0] | .collection == "notes" and .id == "milk" and .cause == "parent" and .changes == 1'
holds '.[0] | .waits_for == "ab000000000000000000000000000000-41"'
holds '.[1] | .collection == "lists" and .id == "bread" and .cause == "transaction" and .since == null'
holds '.[1] | (.version | sub("-0$"; "-1")) == .waits_for'
expect 0 a pending
grep -qE '^notes +milk +.*-0 .* ab00[0-9a-f]*-41 ' "$work/out" || fail "not of milk"
grep -qE '^lists +bread +.*-0 .* the rest, from [0-9a-f]*-1 ' "$work/out" || fail "not of bread"
expect 0 a status
says "2 changes wait; 'p2psync pending' lists them"
expect 0 a doctor
says "'p2psync pending' lists them"
expect 2 a pending all

# The same is told while a node runs.
node a
expect 0 a --json pending
holds 'map(.id) == ["milk", "bread"]'
expect 0 a --json status
holds '.pending == 2 and .merging == false'
