# shellcheck shell=bash disable=SC2154,SC2016
# list reads page by page: all records come once and in order, and one whose reader pauses holds no
# moment of the store, so that the store's space is used again.

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

# A reader that takes one line and no more.
mkfifo "$work/slow"
at a --json list many >"$work/slow" &
pids+=("$!")
lister=$!
exec {slow}<"$work/slow"
next_line "$slow"
lag=many
for n in $(seq 200); do
    at a put notes n "n=$n" >/dev/null
    at a --json doctor >"$work/out" || true
    lag=$(answer '.checks[] | select(.check == "readers") | .detail' | sed 's/.*the oldest \([0-9]*\) transactions back.*/\1/')
    [ "$lag" -gt 0 ] || break
done
equal "$lag" 0
kill -0 "$lister" || fail "the list has ended"
cut -d'"' -f4 <&"$slow" | cmp - <(tail -n +2 "$work/ids") || fail "not all came"
wait "$lister"
