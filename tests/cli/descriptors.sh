# shellcheck shell=bash disable=SC2154
# However few files a process may open: each command does its work or says why not, and none ends by a signal.

# A leak is looked for with files of its own.
export ASAN_OPTIONS=abort_on_error=1:detect_leaks=0

# limited COUNT COMMAND...: it, with so many descriptors.
limited() {
    ulimit -n "$1"
    exec "${@:2}"
}
# ended COUNT CODE TEXT: this code is no signal's, and the text blames no disk and no store.
ended() {
    [ "$2" -lt 126 ] || fail "ulimit -n $1, $3: exit code $2"
    ! grep -q "disk\|damaged" "$work/err" || fail "ulimit -n $1, $3: it blames the disk or the store"
    [ "$2" -eq 0 ] || grep -q "too many open files\|not reached" "$work/err" ||
        fail "ulimit -n $1, $3: another reason"
}
ends() {
    local code=0
    (limited "$1" "$program" -C "$work/a" "${@:2}") >"$work/out" 2>"$work/err" || code=$?
    ended "$1" "$code" "${*:2}"
}
# runs COUNT: a node runs and is stopped, or says why not.
runs() {
    local code=0 fd line=''
    mkfifo "$work/limited"
    limited "$1" "$program" -C "$work/a" run --listen 127.0.0.1 --no-beacon >"$work/limited" 2>"$work/err" &
    node=$!
    pids+=("$node")
    exec {fd}<"$work/limited"
    rm "$work/limited"
    if IFS= read -r line <&"$fd"; then
        started=$((started + 1))
        kill "$node"
    fi
    wait "$node" || code=$?
    exec {fd}<&-
    ended "$1" "$code" run
}

# ---- to begin with ----

at a init --name kitchen >/dev/null
at a put notes milk text=fresh >/dev/null
at b init --name cellar >/dev/null
node b
code=$(at b --json invite --no-wait | jq -r .code)
at b stop >/dev/null
wait "$node"
started=0
for count in $(seq 8 64); do
    ends "$count" put notes milk "text=at $count"
    ends "$count" list notes
    ends "$count" status
    ends "$count" export notes
    ends "$count" history notes milk
    [ $((count % 8)) -ne 0 ] || ends "$count" -C "$work/new$count" join "$code"
    runs "$count"
done
[ "$started" -gt 0 ] || fail "it never ran"

# ---- and while it runs ----

# Nobody who connects and says nothing takes from the node what it needs itself, nor from its peers.
rm -rf "$work/b"
node a
at b join "$(at a --json invite --no-wait | jq -r .code)" --name cellar >/dev/null
at a stop >/dev/null
wait "$node"
mkfifo "$work/a.ready"
# shellcheck disable=SC2016 # for that shell
bash -c 'ulimit -n 64; exec "$@"' - "$program" -C "$work/a" --json run --listen 127.0.0.1 --no-beacon \
    >"$work/a.ready" 2>>"$work/a.log" &
node=$!
pids+=("$node")
exec {ready_a}<"$work/a.ready"
next_line "$ready_a"
port=$(at a --json doctor | jq -r '.checks[] | select(.check == "port") | .detail' | grep -oE '[0-9]+' | head -n 1)
for _ in $(seq 200); do
    exec {idle}<>"/dev/tcp/127.0.0.1/$port"
done
node b --peer "127.0.0.1:$port" # it may be another port than before: other cases run beside this one
listen a
at b put notes bread text=stale >/dev/null
await record_changed '.id == "bread"'
at a status >/dev/null
kill -0 "$node"
