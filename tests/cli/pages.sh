# shellcheck shell=bash disable=SC2154,SC2016
# list reads page by page: all records come once and in order. It, and whatever else can answer at length, holds no
# moment of the store while its reader pauses.

at a init --name kitchen >/dev/null
seq -w 3000 | sed 's/.*/{"id": "r&", "text": "the text of record &, which is a little longer than its id"}/' |
    at a import many >/dev/null
seq -w 3000 | sed 's/^/r/' >"$work/ids"
listed() { # ARGUMENTS...: the ids that are listed
    at a --json list many "$@" | jq -r .id
}
equal "$(listed | cmp - "$work/ids" && echo same)" same
equal "$(listed --reverse | cmp - <(tac "$work/ids") && echo same)" same
equal "$(listed --limit 700 | cmp - <(head -n 700 "$work/ids") && echo same)" same
equal "$(listed --from r0010 --prefix r00 | cmp - <(sed -n 10,99p "$work/ids") && echo same)" same
equal "$(listed --limit 0 | wc -l)" 0
equal "$(at a list many --count)" 3000
equal "$(at a list many | tail -n +2 | cut -d' ' -f1 | cmp - "$work/ids" && echo same)" same

# Conflicts, more than a pipe takes; and a record that is larger than one.
node a
listen a
code=$(at a --json invite --no-wait | jq -r .code)
at b join "$code" --name cellar >/dev/null
address=$(ss -Hltnp 2>/dev/null | sed -n "s/.*\(127.0.0.1:[0-9]*\) .*pid=$node,.*/\1/p" | head -n 1)
for device in a b; do
    seq 300 | sed "s/.*/{\"id\": \"c&\", \"text\": \"what $device says of & in quite a few words, all of which it means\"}/" |
        at $device import both >/dev/null
done
node b --peer "${address:-127.0.0.1}"
await peer_up '.name == "cellar"'
at b --json now >/dev/null
at a stop >/dev/null
at b stop >/dev/null
equal "$(at a --json conflicts both | jq length)" 300
at a put large l text="$(head -c 120000 /dev/zero | tr '\0' x)" >/dev/null

# paused WORDS...: its reader takes some of the answer and no more. It holds no moment of the store meanwhile, so that
# the store's space is used again; and then all of the answer comes.
paused() {
    local n lag size
    at a "$@" >"$work/whole"
    mkfifo "$work/slow"
    at a "$@" >"$work/slow" &
    pids+=("$!")
    local command=$!
    exec {slow}<"$work/slow"
    rm "$work/slow"
    IFS= read -r -N 10 -u "$slow" begun
    lag=many
    for n in $(seq 200); do
        at a put notes n "n=$n" >/dev/null
        at a --json doctor >"$work/out" || true
        lag=$(answer '.checks[] | select(.check == "readers") | .detail' |
            sed 's/.*the oldest \([0-9]*\) transactions back.*/\1/')
        [ "$lag" -gt 0 ] || break
    done
    equal "$lag" 0
    size=$(stat -c %s "$work/a/data.mdb")
    for n in $(seq 60); do
        at a put notes n "n=$n" >/dev/null
    done
    size=$(($(stat -c %s "$work/a/data.mdb") - size))
    [ $size -lt 1000000 ] || fail "$*: the store has grown by $size bytes"
    kill -0 "$command" || fail "$*: it has ended"
    cmp - "$work/whole" < <(printf %s "$begun" && cat <&"$slow") || fail "$*: not all came"
    wait "$command" || fail "$*: it failed"
    exec {slow}<&-
}
paused --json list many
paused list many
paused --json export many
paused --json history many
paused --json conflicts
paused conflicts both
paused --json get large l
paused get large l

# A reader that goes away while it is waited for.
mkfifo "$work/slow"
at a export many >"$work/slow" 2>"$work/err" &
pids+=("$!")
command=$!
exec {slow}<"$work/slow"
next_line "$slow"
exec {slow}<&-
wait "$command"
equal "$(cat "$work/err")" ""
