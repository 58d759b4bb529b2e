#!/usr/bin/env bash
# tests/examples/poll_loop.sh POLL_LOOP P2PSYNC: it prints its own changes and those that another process
# makes in its directory, and goes on after a line that is wrong.
source "$(dirname "$0")/begin.sh"
poll_loop=$1 p2psync=$2

device notes
program loop "$poll_loop" "$work/notes"
echo 'groceries {"title": "Groceries", "done": false}' >&"${input[loop]}"
says loop '*"record_changed"*"id":"groceries"*'
"$p2psync" -C "$work/notes" put notes from-outside title=Hello >"$work/put"
says loop '*"record_changed"*"id":"from-outside"*'
{
    echo 'wrong {"title": '
    echo 'groceries {"done": false}' # changes nothing: nobody waits for an event of it
    echo 'groceries {"done": true}'
} >&"${input[loop]}"
says loop '*"record_changed"*"id":"groceries"*'
ends loop
[ "$(cat "$work/loop.errors")" = "poll_loop: wrong: malformed" ] || fail "it did not name the wrong line"
"$p2psync" -C "$work/notes" --json get notes groceries >"$work/got"
grep -qF '"fields":{"done":true,"title":"Groceries"}' "$work/got" || fail "$(cat "$work/got")"
