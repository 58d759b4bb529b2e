#!/usr/bin/env bash
# The program in README.md, taken out of the page, builds against the library and runs.
devices=(kitchen)
source "$(dirname "$0")/begin.sh"
source_dir=$(realpath "$(dirname "$0")/../..") library=$2 compiler=$3 flags=${4-}

sed -n '/^```c$/,/^```$/p' "$source_dir/README.md" | sed '/^```/d' >"$work/example.c"
[ -s "$work/example.c" ] || fail "README.md holds no program"
# shellcheck disable=SC2086 # flags are words
"$compiler" -std=c17 -Wall -Wextra -Werror -D_GNU_SOURCE $flags -I"$source_dir/include" "$work/example.c" \
    -o "$work/example" "$library" -Wl,-rpath,"$(dirname "$library")"

cd "$work"
nsenter --net=/run/netns/kitchen ./example >output
equal "the event's id" "$(cat output)" "n1 changed"
equal "the record's title" "$("$p2psync" -C notes-data --json get notes n1 | jq -r .fields.title)" Groceries
