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

# A stolen founder is removed from a phone. attic is the founder, cellar an admin, phone and tablet are writers.
at attic --json init --name attic >"$work/out"
code=$(answer .recovery)
node attic
invite=$(at attic --json invite --no-wait | jq -r .code)
expect 0 cellar join "$invite" --name cellar
node cellar
in_sync attic cellar
for name in phone tablet spare; do
    invite=$(at cellar --json invite --no-wait | jq -r .code)
    expect 0 "$name" join "$invite" --name "$name"
    node "$name" --peer "127.0.0.1:$(port_of cellar)"
    in_sync attic cellar "$name"
done
expect 0 cellar devices remove spare
expect 0 tablet put notes n1 text=one
in_sync attic cellar phone tablet
roles() { # DEVICE
    at "$1" --json devices | jq -r 'map("\(.name) \(if .removed then "removed" else .role end)") | sort | join(", ")'
}
equal "$(roles phone)" "attic founder, cellar admin, phone writer, spare removed, tablet writer"

# What is not to be done.
expect 6 phone recover "$other" remove attic
complains "it is the code of another mesh"
expect 2 phone recover "${code%?}" remove attic
complains "too short"
expect 2 phone recover "$code" remove attic --admin attic
complains "cannot be both"
expect 2 phone recover "$code" admin phone --keep tablet
expect 2 phone recover "$code" remove
expect 3 phone recover "$code" remove nobody
complains "there is no device 'nobody'"
expect 6 phone recover "$code" admin attic
complains "attic: nobody may do that"
expect 4 phone recover "$code" admin spare
complains "spare was removed, and stays so"
equal "$(roles phone)" "attic founder, cellar admin, phone writer, spare removed, tablet writer"

# An admin by the code, without anything else.
P2PSYNC_CODE=$code expect 0 phone --json recover admin tablet </dev/null
holds 'map(select(.name == "tablet"))[0] | .role == "admin" and .role_before == "writer" and .restated == false'
in_sync attic cellar phone tablet
equal "$(roles attic)" "attic founder, cellar admin, phone writer, spare removed, tablet admin"

# The founder: others stay, admins become writers, and this device is the admin, as nobody is named.
expect 0 phone --json recover - remove attic <<<"$code"
holds 'map(select(.name == "attic"))[0] | .removed and .role_before == "founder" and .restated == false'
holds 'map(select(.name == "phone"))[0] | .role == "admin" and .role_before == "writer" and .restated == false'
holds 'map(select(.name == "cellar"))[0] | .role == "writer" and .role_before == "admin" and .restated'
holds 'map(select(.name == "tablet"))[0] | .role == "writer" and .role_before == "admin" and .restated'
holds 'map(select(.name == "spare"))[0] | .role == "none" and .role_before == "none" and (.removed | not) and (.restated | not)'
for device in cellar tablet; do
    until [ "$(roles "$device")" = "attic removed, cellar writer, phone admin, tablet writer" ]; do :; done
done
until at cellar --json peers | jq -e 'map(.name) | sort == ["phone", "tablet"]' >/dev/null; do :; done
in_sync cellar phone tablet
expect 0 cellar get notes n1
expect 0 tablet put notes n2 text=two
in_sync cellar phone tablet
expect 6 cellar invite --no-wait
complains "only an admin or the founder may do that"
invite=$(at phone --json invite --no-wait | jq -r .code)
expect 0 laptop join "$invite" --name laptop
node laptop --peer "127.0.0.1:$(port_of phone)"
in_sync cellar phone tablet laptop

# What the thief signs from now on is nothing to anybody.
expect 4 phone recover "$code" admin attic
complains "attic was removed, and stays so"

# And again, for people: whom the next admin had removed is named, and can be kept.
expect 0 cellar recover "$code" remove phone --admin cellar
says removed
equal "$(roles cellar)" "attic removed, cellar admin, laptop writer, phone removed, tablet writer"
