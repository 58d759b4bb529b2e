# shellcheck shell=bash disable=SC2154,SC2016
# On a terminal what is printed fits: tables cut and leave out columns, sentences are wrapped, and a QR code
# is whole or is said not to fit. Anywhere else all of it is printed.

# on_terminal ROWS COLUMNS WORDS...: what is printed there, without escapes and carriage returns.
on_terminal() {
    local code=0
    script -qec "stty rows $1 cols $2; '$program' -C '$work/a' ${*:3}" /dev/null </dev/null >"$work/raw" || code=$?
    sed 's/\x1b\[[0-9;]*[mHJK]//g; s/\r//g' "$work/raw" >"$work/out"
    return $code
}
fits() {
    [ -s "$work/out" ] || fail "nothing was printed"
    local widest
    widest=$(wc -L <"$work/out")
    [ "$widest" -le "$1" ] || fail "a line of $widest columns, not $1"
}

long=$(printf 'lorem ipsum %.0s' $(seq 30))
wide=$(printf '日本語%.0s' $(seq 30))
at a init --name 'a device with a rather long name' >/dev/null
at a put notes n1 title="$long" body="$wide" >/dev/null
at a put notes "${wide:0:80}" title="$wide" >/dev/null
at a put notes n1 title=short --note "$long" >/dev/null
for columns in 40 80 132; do
    on_terminal 24 $columns list notes
    fits $columns
    says "ID"
    says $'\u2026'
    on_terminal 24 $columns history notes n1
    fits $columns
    says "CHANGES"
    on_terminal 24 $columns devices
    fits $columns
    on_terminal 24 $columns status
    fits $columns
    on_terminal 24 $columns doctor || true
    fits $columns
    says "p2psync start"
done
on_terminal 24 40 list notes
! grep -q UPDATED "$work/out" || fail "a column that there is no room for"
on_terminal 24 132 list notes
says UPDATED
equal "$(grep -c . "$work/out")" 3

# Wide characters take two columns: what follows them is aligned.
at a put short ab n=1 >/dev/null
at a put short 日本 n=2 >/dev/null
on_terminal 24 80 list short
equal "$(sed -n '2s/ 20.*//p' "$work/out")" "ab   "
equal "$(sed -n '3s/ 20.*//p' "$work/out")" "日本 "

# No terminal: nothing is cut, in whatever locale.
for locale in C.UTF-8 C; do
    LC_ALL=$locale expect 0 a list notes
    says "$wide"
    LC_ALL=$locale expect 0 a history notes n1
    says "$long"
    says "$wide"
done

# ---- peers, and the code of an invite ----

node a
code=$(at a --json invite --no-wait | jq -r .code)
at b join "$code" --name "日本語 and a long name besides" >/dev/null
for columns in 40 80 200; do
    on_terminal 24 $columns peers
    fits $columns
    says NAME
    says STATE
done
says RECEIVED # there is room for all

on_terminal 24 80 invite --no-wait
says "p2psync join "
says $'\u2580'
! grep -q 'invite --qr' "$work/out" || fail "it is there, and not only told of"
equal "$(tail -n 1 "$work/out" | tr -d ' ')" "" # its quiet zone ends it
[ "$(sed '1,/works once/d' "$work/out" | wc -l)" -le 23 ] || fail "it scrolled away"
for size in "15 80" "24 30"; do
    # shellcheck disable=SC2086 # two words
    on_terminal $size invite --no-wait
    says "invite --qr FILE.svg"
    ! grep -q $'\u2580' "$work/out" || fail "half a code"
done

expect 0 a --json invite --no-wait --qr "$work/code.svg"
equal "$(stat -c %a "$work/code.svg")" 600
python3 - "$work/code.svg" >"$work/modules" <<'PYTHON'
import re, sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
side = int(root.get("viewBox").split()[2])
path = root.find("{http://www.w3.org/2000/svg}path").get("d")
dark = {(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h1v1h-1z", path)}
assert len(dark) * 12 == len(re.sub(r"\d+", "0", path)), "the path holds more than squares"
for y in range(side):
    print("".join("#" if (x, y) in dark else "." for x in range(side)))
PYTHON
# A quiet zone of four, and the three marks in the corners by which a scanner finds a code.
equal "$(sed -n '1,4p' "$work/modules" | tr -d '.\n')" ""
top=$(sed -n 5p "$work/modules")
bottom=$(tail -n 5 "$work/modules" | head -n 1)
for corner in "${top:4:7}" "${top: -11:7}" "${bottom:4:7}"; do
    equal "$corner" "#######"
done
expect 1 a invite --no-wait --qr "$work/nowhere/code.svg"
complains "cannot write"
expect 1 a invite --no-wait --qr /dev/full
complains "cannot write"
