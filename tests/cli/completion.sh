# shellcheck shell=bash disable=SC2154,SC2016
# What shells complete, in the shells themselves: verbs and options from the table, names from the store.

at a init --name kitchen >/dev/null
node a
code=$(at a --json invite --no-wait | jq -r .code)
at b join "$code" --name 'cellar door' >/dev/null
at a put notes n1 title=Plan $'\u202eeltit=1' >/dev/null # a terminal would obey that name, so it is not offered
at a put notes 'n two' title=Plan >/dev/null
at a put ledger l1 amount=1 >/dev/null
at a put notes n1 title=New >/dev/null
whole=$(at a --json history notes n1 | jq -r '.[0].version')
short=${whole:0:7}-${whole##*-}

# ---- what scripts ask ----

offered() { # WORDS...: what the last may be is in $work/out
    "$program" -C "$work/a" completion words -- "$@" >"$work/all"
    how=$(sed -n 1p "$work/all")
    sed 1d "$work/all" | cut -f1 >"$work/out"
}
offers() { # EXPECTED WORDS...: exactly these, in any order
    offered "${@:2}"
    equal "$(sort "$work/out" | paste -sd,)" "$(tr , '\n' <<<"$1" | sort | paste -sd,)"
}
offers "devices,delete,diff,doctor" d
offers "devices,delete,diff,doctor" --json -q d
offers "notes,ledger" get ""
offers "ledger" get l
offers "ledger" -C "$work/a" get l
offers "" -C "$work/nowhere" get n
offers "" -C "$work/b" get l
offers "n1,n two" get notes n
offers "n1,n two" put notes ""
offers "title=" put notes n1 t
offers "title" put notes n1 --unset ""
offers "${whole:0:7}-0,$short" get notes n1 --version ""
offers "--version,--verbose" get --ver
offers "--take=kitchen" resolve notes n1 --take=k
offers "kitchen,cellar door" revert --device ""
offers "list,rename,role,remove,retire,accept,reject" devices ""
offers "kitchen,cellar door" devices rename ""
offers "" devices rename kitchen k
offers "list,get,set" collection ""
offers "notes" collection set n
offers "strategy" collection set notes s
offers "auto_merge" collection set notes strategy a
offers "prefer:kitchen" collection set notes strategy prefer:k
offers "union" collection set notes field.tags u
offers "interfaces,interfaces_exclude,interval_ms" config get int
offers "flush,none,null" config set durability ""
offers "lo" run --interface lo
offers "help" help he
offers "bash,zsh,fish,words" completion ""
offered import notes ""
equal "$how" files
offered backup --every 1d ""
equal "$how" files
offers "--every" backup --ev
offered -C ""
equal "$how" directories
offered get notes n1 --vers
grep -qx -- --version "$work/out" || fail "an option after the operands"
offers "" frobnicate ""

# Every command and every option of the table.
for command in $("$program" help | sed -n 's/^  \([a-z-]*\)  *[a-z].*/\1/p'); do
    offered "$command" --
    # shellcheck disable=SC2013 # options are words
    for option in $("$program" help "$command" | grep -oE '^  --[a-z-]+') --json --directory; do
        grep -qxF -- "$option" "$work/out" || fail "$command does not offer $option"
    done
done

# ---- the shells ----

mkdir "$work/bin"
printf '#!/bin/sh\nexec "%s" "$@"\n' "$program" >"$work/bin/p2psync"
chmod +x "$work/bin/p2psync"
export PATH=$work/bin:$PATH P2PSYNC_DIR=$work/a
for shell in bash zsh fish; do
    "$program" completion $shell >"$work/completion.$shell"
    $shell -n "$work/completion.$shell"
done

# in_shell SHELL LINE: LINE and a tab are typed; the words that it becomes, each in brackets.
in_shell() {
    WORK=$work python3 - "$@" <<'PYTHON'
import fcntl, os, pty, re, struct, sys, termios
shell, line = sys.argv[1:]
script = os.environ["WORK"] + "/completion." + shell
start = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "bind 'set bell-style none'; source %s" % script),
    "zsh": (["zsh", "-f", "-i"], "bindkey -e; unsetopt beep; autoload -U compinit; compinit -u -D; source %s" % script),
}[shell]
child, terminal = pty.fork()
if child == 0:
    os.environ["TERM"] = "dumb"
    os.execvp(start[0][0], start[0])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 400, 0, 0))
seen = b""
def until(pattern):
    global seen
    while not re.search(pattern, seen):
        seen += os.read(terminal, 4096)
    found = re.search(pattern, seen)
    seen = seen[found.end():]
    return found
os.write(terminal, start[1].encode() + b"; echo rea''dy\n")
until(rb"\nready\r")
# At the start of the line then stands what shows its words.
os.write(terminal, line.encode() + b"\t\x01printf '[%s]' R \x05; echo\n")
print(until(rb"\n\[R\]([^\r\n]*)\r").group(1).decode())
os.close(terminal)
os.waitpid(child, 0)
PYTHON
}
for shell in bash zsh; do
    becomes() {
        equal "$shell: $(in_shell $shell "$1")" "$shell: $2"
    }
    becomes 'p2psync hist' '[p2psync][history]'
    becomes 'p2psync get led' '[p2psync][get][ledger]'
    becomes 'p2psync get notes n\ t' '[p2psync][get][notes][n two]'
    becomes 'p2psync --json resolve notes n1 --take cel' '[p2psync][--json][resolve][notes][n1][--take][cellar door]'
    becomes 'p2psync resolve notes n1 --take=kit' '[p2psync][resolve][notes][n1][--take=kitchen]'
    becomes 'p2psync collection set notes strategy prefer:kit' '[p2psync][collection][set][notes][strategy][prefer:kitchen]'
    becomes 'p2psync put notes n1 ti' '[p2psync][put][notes][n1][title=]'
    becomes "p2psync -C $work/b get led" "[p2psync][-C][$work/b][get][led]"
    becomes "p2psync export notes $work/completion.b" "[p2psync][export][notes][$work/completion.bash]"
done
in_fish() {
    fish --no-config -c "source $work/completion.fish; complete -C '$1'" | cut -f1 | paste -sd,
}
equal "$(in_fish 'p2psync hist')" history
equal "$(in_fish 'p2psync get led')" ledger
equal "$(in_fish 'p2psync get notes n')" "n two,n1"
equal "$(in_fish 'p2psync resolve notes n1 --take cel')" "cellar door"
equal "$(in_fish 'p2psync collection set notes strategy prefer:kit')" prefer:kitchen
equal "$(in_fish "p2psync export notes $work/completion.b")" "$work/completion.bash"
equal "$(fish --no-config -c "source $work/completion.fish; complete -C 'p2psync hist'" | cut -f2)" \
    "$("$program" help history | sed -n 3p)"
