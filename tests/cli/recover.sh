# shellcheck shell=bash disable=SC2154,SC2016
# The recovery code: shown once, stored nowhere, and known again when it is typed.

expect 0 a --json init --name kitchen
holds '.recovery | test("^P2R1(-[0-9A-HJKMNP-TV-Z]{4}){8}$")'
code=$(answer .recovery)
mesh=$(answer .mesh)

# It is shown to people, with what it is for; and it is in no file, neither as it is shown nor without dashes.
expect 0 b init --name cellar
says "recover --check"
says "on paper"
other=$(grep -oE 'P2R1(-[0-9A-Z]{4}){8}' "$work/out")
[ "$(grep -c P2R1 "$work/out")" -eq 1 ] || fail "it is not shown once"
node a
expect 0 a --json recover --check "$code"
expect 0 a stop
mkdir -p "$work/kept"
cp -r "$work/a" "$work/b" "$work/kept"
cp "$work/a.log" "$work/kept"
for shown in "$code" "$other"; do
    grep -raqiF -e "$shown" -e "$(tr -d - <<<"$shown")" "$work/kept" && fail "the code is in a file"
done

# Asked whether the paper is right.
expect 0 a recover --check "$code"
says "This is the recovery code of this device's mesh"
expect 0 a --json recover --check "$code"
equal "$(answer .mesh)" "$mesh"
holds 'has("recovery") | not'
expect 0 a recover --check "$(tr 'A-Z-' 'a-z ' <<<"$code")"
expect 0 a recover --check - <<<"$code"
expect 0 a recover --check - <<<"$(tr -- - ' ' <<<"$code")"
P2PSYNC_CODE=$code expect 0 a recover --check </dev/null
expect 1 a recover --check "$other"
complains "it is the code of another mesh"
expect 1 a recover --check "${code%?}"
complains "too short"
last=${code: -1}
expect 1 a recover --check "${code%?}$([ "$last" = 7 ] && echo 8 || echo 7)"
complains "compare each group with the paper"
expect 1 nowhere recover --check "$code"
complains "p2psync init"
expect 2 a recover --check </dev/null
complains "P2PSYNC_CODE"
expect 2 a recover "$code"
complains "--check"
expect 2 a recover --check "$code" more

# A device that joined knows it as well. An invite's code is none, and the other way round.
node a
expect 0 a --json invite --no-wait
invite=$(answer .code)
expect 1 a recover --check "$invite"
complains "it is the code of an invite"
expect 2 c join "$code"
expect 0 c join "$invite"
expect 0 c recover --check "$code"

# It does not stay in the list of processes, where the program is as long as its answer goes into a full pipe.
mkfifo "$work/full"
exec {full}<>"$work/full"
head -c 65536 /dev/zero >&"$full"
"$program" -C "$work/a" recover --check "$code" >&"$full" &
asker=$!
pids+=("$asker")
until grep -q -- --check "/proc/$asker/cmdline" && ! grep -q "$code" "/proc/$asker/cmdline"; do kill -0 "$asker"; done
head -c 65536 <&"$full" >/dev/null
wait "$asker" || fail "recover ended with $?"

# On a terminal there is a QR code where it fits, and the code is asked for.
on_terminal() { # ROWS WORDS...
    script -qec "stty rows $1 cols 80; '$program' ${*:2}" /dev/null >"$work/raw" || fail "it fails: ${*:2}"
    sed 's/\x1b\[[0-9;]*[mHJK]//g; s/\r//g' "$work/raw" >"$work/out"
}
on_terminal 24 -C "$work/g" init </dev/null
says "█"
says "P2R1-"
[ "$(grep -vE '^(device|mesh) ' "$work/out" | wc -L)" -le 80 ] || fail "a line does not fit"
on_terminal 10 -C "$work/h" init </dev/null
grep -q "█" "$work/out" && fail "a QR code that does not fit"
on_terminal 24 -C "$work/a" recover --check <<<"$code"
says "The recovery code: "
says "This is the recovery code of this device's mesh"

# A mesh without one.
expect 0 d --json init --no-recovery
holds '.recovery == null'
expect 1 d recover --check "$code"
complains "made without a recovery key"
expect 2 e init --no-recovery --from-copy

# A code that could not be shown is said to be lost.
if [ -e /dev/full ]; then
    result=0
    at f init >/dev/full 2>"$work/err" || result=$?
    equal "$result" 1
    complains "remove '$work/f' and make the mesh again"
fi
