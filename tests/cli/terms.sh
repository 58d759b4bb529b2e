# shellcheck shell=bash disable=SC2154,SC2016
# What an invite gives: a role, roles in collections, and only if a person says so. attic is the founder.
at attic init --name attic >/dev/null
node attic
roles() { # DEVICE
    at "$1" --json devices | jq -r 'map("\(.name) \(.role)") | sort | join(", ")'
}
expect 2 attic invite --no-wait --role king
complains "the roles are admin, writer and reader"
expect 2 attic invite --no-wait --collection notes
expect 2 attic invite --no-wait --collection notes=admin
complains "the roles in one collection are writer, reader and none"
expect 2 attic invite --no-wait --collection _devices=reader
expect 2 attic invite --cancel --confirm

# A role.
code=$(at attic --json invite --no-wait --role reader | jq -r .code)
expect 0 shelf join "$code" --name shelf
node shelf
in_sync attic shelf
equal "$(roles shelf)" "attic founder, shelf reader"
expect 6 shelf put notes n1 text=one
code=$(at attic --json invite --no-wait --role admin | jq -r .code)
expect 0 cellar join "$code" --name cellar
node cellar
in_sync attic shelf cellar
expect 6 cellar invite --no-wait --role admin
complains "only the founder may do that"

# Only if somebody accepts it: the first that presents the code waits, and no other one comes in with it.
listen attic
code=$(at attic --json invite --no-wait --confirm --role writer --collection secrets=none | jq -r .code)
"$program" -C "$work/phone" --json join "$code" --name phone >"$work/joined" 2>"$work/waits" &
joiner=$!
pids+=("$joiner")
await device_pending '.name == "phone" and (.fingerprint | length > 0)'
phone=$(jq -r .device <<<"$line")
expect 0 attic --json devices
holds 'map(select(.pending)) | length == 1 and .[0].name == "phone" and .[0].role == "none" and (.[0].removed | not)'
expect 0 attic devices
says "waits to be accepted"
expect 6 thief join "$code" --name thief
expect 3 attic devices accept thief
complains "no device 'thief' waits"
expect 0 attic devices accept phone
await device_joined '.name == "phone"'
wait "$joiner" || fail "join ended with $?"
equal "$(jq -r .device "$work/joined")" "$phone"
grep -q "waits until somebody accepts it" "$work/waits" || fail "it does not say that it waits"
expect 0 attic --json devices
holds 'map(select(.pending)) | length == 0'
equal "$(roles attic)" "attic founder, cellar admin, phone writer, shelf reader"
expect 3 attic devices accept phone

# A rejected one does not come in.
code=$(at attic --json invite --no-wait --confirm | jq -r .code)
"$program" -C "$work/guest" join "$code" --name guest >"$work/joined" 2>"$work/waits" &
joiner=$!
pids+=("$joiner")
await device_pending '.name == "guest"'
expect 0 attic devices reject guest
result=0
wait "$joiner" || result=$?
equal "$result" 6
equal "$(roles attic)" "attic founder, cellar admin, phone writer, shelf reader"

# A role in one collection is given, and taken back, by who may.
node phone --peer "127.0.0.1:$(port_of attic)"
in_sync attic shelf cellar phone
expect 0 attic devices role phone reader --collection notes
expect 0 cellar devices role phone writer --collection notes
expect 6 phone devices role shelf writer --collection notes
complains "only an admin or the founder may do that"
expect 2 attic devices role phone admin --collection notes
expect 2 attic devices remove phone --collection notes
complains "goes with 'role'"
in_sync attic shelf cellar phone
