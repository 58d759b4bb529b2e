# shellcheck shell=bash disable=SC2154,SC2016
# What other devices have written: values that are none, names that deceive, a record that is damaged. Nothing
# of it hides anything else, and nothing reaches the terminal as it is.

override=$'\u202e' zero=$'\u200b' c1=$'\u009b'
clean() {
    ! grep -q "$override\|$zero\|$c1\|"$'\e' "$work/out" "$work/err" || fail "it is not escaped"
}
hex() {
    od -An -v -tx1 | tr -d ' \n'
}

# ---- names ----

at a init --name "kitchen${override}nac" >/dev/null
for command in status devices "config list" peers; do
    # shellcheck disable=SC2086 # words
    expect 0 a $command
    clean
done
expect 0 a devices
says 'kitchen\u202enac'
expect 0 a --json devices
clean
holds '.[0].name == "kitchen\u202enac"'
expect 0 a put notes "n${zero}1" "text=a${override}b${c1}" "f${zero}=1"
clean
says 'id        n\u200b1'
says '  text = a\u202eb\u009b'
says '  f\u200b = 1'
for command in "list notes" "history notes n${zero}1" "diff notes n${zero}1" "--json list notes" "--json history notes" \
    "export notes"; do
    # shellcheck disable=SC2086 # words
    expect 0 a $command
    clean
done
says '{"id":"n\u200b1"'
cp "$work/out" "$work/lines"
expect 0 a --json import again "$work/lines"
expect 0 a --json get again "n${zero}1"
holds '.fields == {"text": "a\u202eb\u009b", "f\u200b": 1}'
expect 3 a get notes "x${override}y"
clean
complains 'x\u202ey'

# A log is shown to people, too.
node a
expect 4 a -v run --listen 127.0.0.1 --no-beacon
clean
kill "$node"
wait "$node" || true
! grep -q "$override" "$work/a.log" || fail "the log is not escaped"

# ---- bodies ----

fields() { # HEX of a map: a body of it
    echo "93$1c0c0"
}
good=$(fields 82a16101a16e02)                                  # {"a": 1, "n": 2}
infinite=$(fields "81a161cb7ff0000000000000")
single=$(fields "81a161ca7f800000")
nul=$(fields 81a2610001)
nested=$(fields 81a1619181a1000a)
ext=$(fields 81a161d40100)
number=0
for bad in "$infinite" "$single" "$nul" "$nested" "$ext"; do
    number=$((number + 1))
    "$sign" "$work/a" signed "r$number" "$good" "$bad"
done
"$sign" "$work/a" signed2 first "$(fields 81a162cfffffffffffffffff)"
expect 0 a --json list signed
equal "$(jq -sc 'map(.fields) | unique' "$work/out")" '[{"a":1,"n":2}]'
for command in "list signed" "conflicts" "export signed" "history signed r1" "get signed r1" "get signed2 first"; do
    # shellcheck disable=SC2086 # words
    expect 0 a $command
done
says 'b = 18446744073709551615'

# ---- a damaged record ----

for id in r1 r2 r3; do
    at a put spoilt $id a=1 >/dev/null
done
"$sign" "$work/a" spoilt r2 damage
partly() { # CODE COMMAND...: it ends with CODE, and names r2
    local code=0
    at a "${@:2}" >"$work/out" 2>"$work/err" || code=$?
    equal "$code" "$1"
    complains "'r2'"
    equal "$(wc -l <"$work/err")" 1
}

# A write says so, too, and what to do, which helps.
expect 1 a put spoilt r2 b=1
complains "what the store has of the record is damaged"
complains "p2psync restore spoilt r2 --version"
partly 1 list spoilt
says r1
says r3
says "cannot be shown"
partly 1 --json list spoilt
equal "$(answer .id | paste -sd' ')" "r1 r3"
partly 1 export spoilt
equal "$(answer .id | paste -sd' ')" "r1 r3"
echo before >"$work/file"
code=0
at a export spoilt "$work/file" >"$work/out" 2>"$work/err" || code=$?
equal "$code" 1
complains "is not written: 1 records"
equal "$(cat "$work/file")" before
expect 0 a --json history spoilt r2
expect 0 a --json restore spoilt r2 --version "$(answer '.[0].version')"
holds '.fields == {"a": 1}'
expect 0 a --json put spoilt r2 b=1
holds '.fields == {"a": 1, "b": 1}'

# ---- a conflict that cannot be shown hides no other ----

for id in c1 c2 c3; do
    at a put torn $id a=1 >/dev/null
    "$sign" "$work/a" torn $id "$(fields 81a16102)"
done
expect 0 a --json conflicts torn
holds 'map(.id) == ["c1", "c2", "c3"]'
"$sign" "$work/a" torn c2 damage
for command in "conflicts" "conflicts torn"; do
    for json in "" --json; do
        code=0
        # shellcheck disable=SC2086 # words
        at a $json $command >"$work/out" 2>"$work/err" || code=$?
        equal "$code" 1
        complains "torn c2"
        equal "$(wc -l <"$work/err")" 1
        if [ -n "$json" ]; then
            holds 'map(select(.collection == "torn").id) == ["c1", "c3"]'
        else
            says "torn c1: auto_merge shows"
            says "torn c3: auto_merge shows"
        fi
    done
done
expect 0 a --json resolve torn c2 --data '{"a": 3}' # and its answer mends it
holds '.fields == {"a": 3}'
expect 0 a --json conflicts torn
holds 'map(.id) == ["c1", "c3"]'
