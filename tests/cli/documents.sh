# shellcheck shell=bash disable=SC2154,SC2016
# The man page says what help says, and all of it is offered to shells.

"$program" help >"$work/help"
page=$source_dir/tools/p2psync/p2psync.1
groff -man -Tutf8 -P-cbou -rLL=1000n "$page" | tr -s ' ' >"$work/man"
equal "$(groff -ww -man -Tutf8 "$page" 2>&1 >/dev/null)" ""
in_man() {
    grep -qF -- "$1" "$work/man" || fail "not in the man page: $1"
}
in_completion() { # WORD, then the words before it
    "$program" completion words -- "${@:2}" "${1:0:3}" | cut -f1 | grep -qxF -- "$1" || fail "not offered: $1"
}

commands=$(sed -n 's/^  \([a-z-]*\)  *[a-z].*/\1/p' "$work/help")
[ "$(wc -w <<<"$commands")" -ge 20 ] || fail "no commands in help"
for command in $commands; do
    "$program" help "$command" >"$work/one"
    in_man "$(sed -n '1s/^usage: p2psync //p' "$work/one")"
    in_man "$(sed -n 3p "$work/one")"
    in_completion "$command"
    # shellcheck disable=SC2013 # options are words
    for option in $(grep -oE '^  --[a-z-]+' "$work/one"); do
        in_man "$option"
        in_completion "$option" "$command"
    done
done

# Each setting of a node is in both.
"$program" help config >"$work/one"
at a init --name kitchen >/dev/null
expect 0 a --json config list
for setting in $(answer 'keys[]'); do
    grep -qw "$setting" "$work/one" || fail "not in help config: $setting"
    in_man "$setting"
done
