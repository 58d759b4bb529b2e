# shellcheck shell=bash disable=SC2154,SC2016
# Events: what another process writes is told, once, and the end of the node is the end of the stream.

at a init --name kitchen >/dev/null
node a

listen a
expect 0 a --json put notes n1 a=1
version=$(answer '.version[0]')
await record_changed true
equal "$(jq -r '"\(.collection) \(.id) \(.version) \(.deleted)"' <<<"$line")" "notes n1 $version false"
jq -e '.time | test("Z$")' <<<"$line" >/dev/null || fail "no time: $line"
expect 0 a --json delete notes n1
await record_changed '.deleted'
kill -INT "$watcher"
wait "$watcher" || fail "watch ended with $?"

# One collection only.
listen a others
expect 0 a --json put notes n2 a=1
expect 0 a --json put others o1 a=1
next_line "$events"
equal "$(jq -r .id <<<"$line")" o1

# The node ends, and so does the stream.
expect 0 a stop
code=0
wait "$watcher" || code=$?
equal "$code" 5
wait "$node"

# For people.
node a
"$program" -C "$work/a" -v watch >"$work/told" 2>"$work/told.err" &
watcher=$!
pids+=("$watcher")
until grep -q watching "$work/told.err"; do :; done
expect 0 a --json put notes n3 a=1
version=$(answer '.version[0]')
until grep -q '^[0-9-]* [0-9:]*  record_changed  * notes n3 by kitchen '"${version:0:7}-${version##*-}"'$' "$work/told"; do
    kill -0 "$watcher"
done
expect 0 a delete notes n3
until grep -q 'record_changed  * notes n3 by kitchen [0-9a-f]*-[0-9]* deleted$' "$work/told"; do kill -0 "$watcher"; done
# What a terminal would obey, or not show, is shown as what it is.
expect 0 a --json put notes $'e\u202evil\u200b\e[31m\u009b' a=1
until grep -qF 'notes e\u202evil\u200b\u001b[31m\u009b by kitchen' "$work/told"; do kill -0 "$watcher"; done
! grep -q $'\e\|\u202e\|\u200b\|\u009b' "$work/told" || fail "the terminal would obey"
# Who joins is called by the name, and so is what that device writes.
code=$(at a --json invite --no-wait | jq -r .code)
expect 0 b join "$code" --name cellar
until grep -q 'device_joined  * cellar' "$work/told"; do kill -0 "$watcher"; done
! grep -q "[0-9a-f]\{32\}" "$work/told" || fail "an id that nobody can read"
kill -TERM "$watcher"
wait "$watcher" || fail "watch ended with $?"

# It ends when told to, though nobody reads.
listen a
seq 3000 | sed 's/.*/{"id": &, "text": "the text of record &"}/' | at a import many >/dev/null
kill -TERM "$watcher"
wait "$watcher" || fail "watch ended with $?"
