# shellcheck shell=bash disable=SC2154,SC2016
# Who may do what, and a device that is removed: attic is the founder, cellar an admin, phone a writer.
at attic init --name attic >/dev/null
node attic
code=$(at attic --json invite --no-wait | jq -r .code)
expect 0 cellar join "$code" --name cellar
node cellar
in_sync attic cellar
code=$(at cellar --json invite --no-wait | jq -r .code)
expect 0 phone join "$code" --name phone
node phone --peer "127.0.0.1:$(port_of cellar)"
phone=$node
in_sync attic cellar phone
roles() { # DEVICE
    at "$1" --json devices | jq -r 'map("\(.name) \(.role)") | sort | join(", ")'
}
equal "$(roles phone)" "attic founder, cellar admin, phone writer"

# A writer neither invites nor decides, and an admin decides nothing of an admin or the founder.
expect 6 phone invite --no-wait
complains "only an admin or the founder may do that"
expect 6 phone devices remove cellar
complains "only the founder may do that"
expect 6 phone collection set notes strategy manual
expect 6 cellar devices remove attic
complains "only the recovery code may do that"
expect 6 cellar devices role phone admin
complains "only the founder may do that"
expect 2 attic devices role phone king
complains "the roles are admin, writer and reader"
expect 3 attic devices remove nobody

# A reader reads.
listen attic
expect 0 attic put notes n1 text=one
expect 0 cellar devices role phone reader
await role_changed '.name == "phone" and .role == "reader" and .role_before == "writer"'
in_sync attic cellar phone
equal "$(roles phone)" "attic founder, cellar admin, phone reader"
expect 6 phone put notes n2 text=two
expect 0 phone get notes n1
expect 0 attic devices role phone writer
in_sync attic cellar phone
expect 0 phone put notes n2 text=two
in_sync attic cellar phone

# Removed: nobody connects with it any more, what it wrote stays, and it does not come back with its key.
expect 0 cellar --json devices remove phone
holds 'map(select(.name == "phone"))[0] | .removed and .role == "none" and .removed_by != null and .removed_at != null'
until at attic --json devices | jq -e 'map(select(.name == "phone"))[0].removed' >/dev/null; do :; done
until at attic --json peers | jq -e 'map(.name) == ["cellar"]' >/dev/null; do :; done
until at cellar --json peers | jq -e 'map(.name) == ["attic"]' >/dev/null; do :; done
in_sync attic cellar
expect 0 attic get notes n2
says two
expect 4 cellar devices role phone writer
complains "it was removed, for good"
await device_removed ".name == \"phone\" and .removed_by == \"$(at cellar --json status | jq -r .device)\""

# The removed device has heard of it, and says so; it writes nothing that nobody would take, and reads.
until at phone --json status | jq -e .removed >/dev/null; do :; done
expect 0 phone --json status
holds '(.in_sync | not) and .state == "offline" and (.alerts[0] | test("^this device was removed from the mesh by cellar at 20"))'
at phone --json doctor >"$work/out" || true
holds '.checks[] | select(.check == "membership") | .state == "fail" and (.fix | contains("p2psync join CODE"))'
expect 6 phone put notes n3 text=three
complains "a device that was removed"
expect 0 phone get notes n2

# It comes back as a new device, with what is there.
kill "$phone"
wait "$phone" || true
code=$(at attic --json invite --no-wait | jq -r .code)
old=$(at phone --json status | jq -r .device)
expect 0 phone --json join "$code"
holds ".device != \"$old\" and .name == \"phone\""
node phone --peer "127.0.0.1:$(port_of attic)"
in_sync attic cellar phone
expect 0 phone get notes n2
expect 0 phone put notes n3 text=three
in_sync attic cellar phone
equal "$(roles cellar)" "attic founder, cellar admin, phone admin, phone none"

# One that is removed while it is off hears of it from whom it meets, and brings what it had written meanwhile.
kill "$node"
wait "$node" || true
expect 0 phone put notes n4 text=four
new=$(at phone --json status | jq -r .device)
expect 0 attic devices remove "$new"
in_sync attic cellar
node phone --peer "127.0.0.1:$(port_of attic)"
until at phone --json status | jq -e .removed >/dev/null; do :; done
expect 0 phone --json status
holds '.alerts[0] | test("^(attic|cellar) says that this device was removed")'
kill "$node"
wait "$node" || true
code=$(at cellar --json invite --no-wait | jq -r .code)
expect 0 phone join "$code"
node phone --peer "127.0.0.1:$(port_of attic)"
in_sync attic cellar phone
expect 0 attic get notes n4
says four
equal "$(roles cellar)" "attic founder, cellar admin, phone none, phone none, phone writer"
expect 0 attic devices remove "$(at phone --json status | jq -r .device)"
kill "$node"
wait "$node" || true

# Whoever brought a device in is no more to it than others are.
code=$(at cellar --json invite --no-wait | jq -r .code)
expect 0 tablet join "$code" --name tablet
node tablet --peer "127.0.0.1:$(port_of attic)"
in_sync attic cellar tablet

# Who retires is out. An admin asks for it: the founder's node answers by removing it.
expect 6 attic devices retire
expect 0 cellar devices retire
await device_removed '.name == "cellar"'
equal "$(roles attic)" "attic founder, cellar none, phone none, phone none, phone none, tablet writer"
until at tablet --json peers | jq -e 'map(.name) == ["attic"]' >/dev/null; do :; done
in_sync attic tablet
