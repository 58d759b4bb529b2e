# shellcheck shell=bash disable=SC2154,SC2016
# Import: JSON lines become records; what is bad is named by its line, and what was imported is known.

at a init --name kitchen >/dev/null
result() {
    holds 'keys == ["failed", "imported", "unchanged"]'
    equal "$(answer '"\(.imported) \(.unchanged) \(.failed)"')" "$1"
}
count() {
    at a --json list "$1" | wc -l
}
numbered() {
    seq "$1" "$2" | sed 's/.*/{"id": &, "text": "the text of record &"}/'
}

# ---- good lines ----

numbered 1 2500 >"$work/lines"
expect 0 a --json import things "$work/lines"
result "2500 0 0"
equal "$(count things)" 2500
expect 0 a --json get things 1234
holds '.id == "1234" and .fields == {"text": "the text of record 1234"}'
expect 0 a --json import things <"$work/lines"
result "0 2500 0"

# A record becomes exactly what its line says.
expect 0 a --json put things 1 more=1
expect 0 a --json import things - <<<'{"text": "new", "id": "1"}'
result "1 0 0"
expect 0 a --json get things 1
holds '.fields == {"text": "new"}'

# Any field may hold the id; blank lines are nothing; the last line needs no end; later lines win.
printf '{"Name":"x","id":7}\n\n  \r\n{"Name":"x","id":8}' >"$work/lines"
expect 0 a --json import named --id Name "$work/lines"
result "2 0 0"
expect 0 a --json get named x
holds '.fields == {"id": 8}'
expect 0 a --json import empty </dev/null
result "0 0 0"

# ---- bad lines ----

bad() {
    numbered 1 1499 >"$work/lines"
    printf '%s\n' "$1" >>"$work/lines"
    numbered 1501 1600 >>"$work/lines"
    expect 1 a import "bad$2" "$work/lines"
    complains "line 1500"
    complains "imported 1499"
    equal "$(count "bad$2")" 1499
}
bad '{"id": 1' 1
bad '[1]' 2
bad '{"text": "no id"}' 3
bad '{"id": 1.5}' 4
bad '{"id": "x", "a": 1, "a": 2}' 5
bad '{"id": "x", "a": {"$bytes": "*"}}' 6
bad '{"id": ""}' 7
bad "{\"id\": \"$(printf 'i%.0s' $(seq 256))\"}" 8
bad $'{"id": "x\\u0000"}' 9
bad $'{"id": "x", "a": "\xff"}' 10
bad "{\"id\": \"x\", \"a\": $(printf '[%.0s' $(seq 40))$(printf ']%.0s' $(seq 40))}" 11

limit() { # LINE WORDS: it is refused, and which limit it is over is said
    printf '%s\n' "$1" >"$work/over"
    expect 1 a import over "$work/over"
    complains "line 1: $2"
}
limit "{\"id\": \"$(printf 'i%.0s' $(seq 256))\"}" "the id is over 255 bytes"
limit "{\"id\": \"x\", \"a\": $(printf '[%.0s' $(seq 40))$(printf ']%.0s' $(seq 40))}" "a value takes 32 levels of nesting at most"
head -c 1100000 /dev/zero | tr '\0' x | sed 's/^/{"id":"x","a":"/; s/$/"}/' >"$work/over"
expect 1 a import over "$work/over"
complains "a value takes 1048576 bytes at most"

# A line of 120 MB is refused when it passes the limit: it never fills the memory.
endless() {
    printf '{"id": "x", "a": "'
    head -c 120000000 /dev/zero | tr '\0' x
    printf '"}\n{"id": "y"}\n'
}
endless | python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=open(3, "w"))' \
    "$program" -C "$work/a" --json import endless --keep-going - >"$work/out" 2>"$work/err" 3>"$work/memory"
complains "line 1: it is longer than 8 MiB"
result "1 0 1"
[ "$(cat "$work/memory")" -lt 60000 ] || fail "$(cat "$work/memory") kB for a line that was refused"

# What is no JSON lines gets a hint; a mark of the byte order is none of the data.
hint() { # INPUT WORDS
    printf '%s\n' "$1" >"$work/other"
    expect 1 a import other "$work/other"
    complains "$2"
}
hint '[{"id": 1}]' "jq -c"
hint $'[\n{"id": 1}\n]' "jq -c"
hint $'id,title\n1,Plan' "CSV"
hint $'id;title\n1;Plan' "CSV"
hint $'id\ttitle\n1\tPlan' "CSV"
printf '\xef\xbb\xbf{"id": "marked", "a": 1}\n' >"$work/other"
expect 0 a --json import marked "$work/other"
result "1 0 0"
printf '{"id": "1"}\n\xef\xbb\xbf{"id": "2"}\n' >"$work/other"
expect 1 a import marked "$work/other"

numbered 1 1499 >"$work/lines"
echo nothing >>"$work/lines"
numbered 1501 1600 >>"$work/lines"
code=0
at a --json import kept --keep-going "$work/lines" >"$work/out" 2>"$work/err" || code=$?
equal "$code" 1
result "1599 0 1"
complains "line 1500"
equal "$(count kept)" 1599

expect 1 a import things "$work/no-such-file"
expect 1 a import things "$work"
expect 6 a import _devices <<<'{"id": "x"}'

# ---- an interruption ----

# 300,000 bytes do not fit a pipe: once all are written, the import reads.
mkfifo "$work/pipe"
"$program" -C "$work/a" import interrupted "$work/pipe" >"$work/out" 2>"$work/err" &
import=$!
exec {pipe}>"$work/pipe"
numbered 1 8000 >&"$pipe"
kill -INT $import
code=0
wait $import || code=$?
exec {pipe}>&-
equal "$code" 1
complains interrupted
equal "$(grep -o 'imported [0-9]*' "$work/err")" "imported $(count interrupted)"
[ "$(count interrupted)" -gt 0 ] || fail "nothing was imported"
