# shellcheck shell=bash
# What the scripts in this folder that run the examples begin with: a directory of their own for all they
# make, programs that end with them, and nodes that keep to 127.0.0.1.
set -euo pipefail
export LC_ALL=C.UTF-8
work=$(mktemp -d "${TMPDIR:-/tmp}/p2psync-examples.XXXXXX")
pids=()

finish() {
    local result=$? pid
    [ $result -eq 0 ] || tail -n 20 "$work"/*.errors >&2 || true
    for pid in "${pids[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    wait
    rm -rf "$work"
}
trap finish EXIT

fail() {
    echo "$(caller 1): $*" >&2
    exit 1
}

# program NAME COMMAND...: run it in the background; ${input[NAME]} is where it reads, ${output[NAME]} what it
# says, ${process[NAME]} its process, and $work/NAME.errors what it complains of.
declare -A input=() output=() process=()
program() {
    local in out
    mkfifo "$work/$1.in" "$work/$1.out"
    "${@:2}" <"$work/$1.in" >"$work/$1.out" 2>>"$work/$1.errors" &
    process[$1]=$!
    pids+=($!)
    exec {in}>"$work/$1.in" {out}<"$work/$1.out"
    rm "$work/$1.in" "$work/$1.out"
    input[$1]=$in output[$1]=$out
}

# device NAME: a directory for it, and an address of its own, so that its port is free after a restart too.
devices=0
device() {
    devices=$((devices + 1))
    mkdir -m 700 "$work/$1"
    echo "{\"listen\": \"127.$((100 + $$ / 256 % 100)).$(($$ % 256)).$devices\", \"beacon\": false}" \
        >"$work/$1/config.json"
}

# says NAME PATTERN: it prints a line that matches, sooner or later, in $line.
says() {
    while IFS= read -r -t 120 -u "${output[$1]}" line; do
        # shellcheck disable=SC2053 # a pattern
        [[ $line == $2 ]] && return
    done
    fail "$1 never said: $2"
}

# ends NAME: its input ends, and it ends well.
ends() {
    local in=${input[$1]}
    exec {in}>&-
    wait "${process[$1]}" || fail "$1 failed"
}
