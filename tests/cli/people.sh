# shellcheck shell=bash disable=SC2154,SC2016
# For people: words and aligned tables, no colour without a terminal; nothing that a terminal would obey.

at a init --name kitchen >/dev/null
expect 0 a put notes n1 title=Groceries 'items=["bread","tea"]'
says "id        n1"
says "author    kitchen"
says "  title = Groceries"
says '  items = ["bread","tea"]'
expect 0 a put notes "a much longer id" title=$'\u00fcber'
expect 0 a list notes
equal "$(sed -n 1p "$work/out")" "ID                UPDATED              FIELDS"
grep -q '^a much longer id  [0-9: -]*  {"title":"über"}$' "$work/out" || fail "not aligned"
grep -q '^n1                [0-9: -]*  {"items":\["bread","tea"\],"title":"Groceries"}$' "$work/out" ||
    fail "not aligned"
expect 0 a delete notes n1
says "state     deleted"
expect 0 a list notes --deleted
says "(deleted)"
expect 0 a archive notes "a much longer id"
expect 0 a list notes
! grep -q "a much longer id" "$work/out" || fail "an archived record is shown unasked"
expect 0 a list notes --archived
grep -q '^a much longer id  [0-9: -]*  (archived) {"title":"über"}$' "$work/out" || fail "not told"
at a restore notes "a much longer id" >/dev/null

# Lines of a text can be told from each other, and a table stays aligned.
expect 0 a put notes lines text=$'milk\neggs\tand bread' --note $'two\nlines'
says '  text = milk\neggs\tand bread'
expect 0 a history notes lines
says 'text=milk\neggs\tand bread (two\nlines)'
at a delete notes lines >/dev/null

expect 0 a status
says "device      kitchen ("
says "not running"
says "COLLECTION"
expect 0 a devices
says "NAME     FINGERPRINT"
expect 0 a peers
says "p2psync invite"
expect 0 a config list
says "KEY"

expect 0 a put notes evil $'text=\e[31mred\u009b0m'
! grep -q $'\e\|\u009b' "$work/out" || fail "the terminal would obey"
expect 0 a list notes
! grep -q $'\e\|\u009b' "$work/out" || fail "the terminal would obey"
expect 3 a get notes $'x\e[31m\ny'

# On a terminal: colours, unless NO_COLOR says no, and a QR code that fits.
node a
unset NO_COLOR
on_terminal() {
    script -qec "stty cols 120; '$program' -C '$work/a' $1" /dev/null </dev/null >"$work/out"
}
on_terminal "invite --no-wait"
says $'\u2580'
says "p2psync join "
on_terminal "status"
says kitchen
