# shellcheck shell=bash disable=SC2154,SC2016
# A volume is rolled back under a device whose node was killed: nothing shows that, and the device writes on before it
# meets another one. Both of its histories are kept, everybody is in sync, and it is said what has happened.
own_host

at a init --name kitchen >/dev/null
node a
peer=$host:$(port_of a)
for device in b c; do
    at $device join "$(at a --json invite --no-wait | jq -r .code)" --name "of-$device" >/dev/null
done
node c --peer "$peer"
node b --peer "$peer"
expect 0 b --json put notes r text=before
before=$(origin "$(answer '.version[0]')")
expect 0 b now
halt "$node"
cp "$work/b/data.mdb" "$work/volume"
go_on "$node"
expect 0 b put notes r text=first
expect 0 b put notes only text=first
expect 0 b now
in_sync a b c
kill -KILL "$node"
wait "$node" || true
cat "$work/volume" >"$work/b/data.mdb"

listen a
expect 0 b --json get notes r
holds '.fields.text == "before"'
expect 0 b --json put notes r text=second
equal "$(origin "$(answer '.version[0]')")" "$before" # it cannot know, so it goes on where it was
node b --peer "$peer"
await device_forked '.name == "of-b" and .collection == "notes" and (.text | contains("both are kept"))'
in_sync a b c
at a --json doctor >"$work/out"
holds '.checks[] | select(.check == "forks") | .state == "warn" and (.detail | endswith("of-b has written 2 histories of notes"))'
expect 0 b --json put notes later text=third
[ "$(origin "$(answer '.version[0]')")" != "$before" ] || fail 'the device writes on under the old incarnation'
in_sync a b c
for device in a b c; do
    expect 0 $device --json get notes only
    holds '.fields.text == "first"'
    expect 0 $device --json get notes r
    holds '(.version | unique | length) == 2 and .fields.text == "second"' # though both have the same number
    expect 0 $device --json devices
    holds '[.[] | select(.forked) | "\(.name) \(.forked_in)"] == ["of-b [\"notes\"]"]'
done
expect 0 a devices
says 'forked'
says 'of-b has written histories that contradict each other, of notes'
at a --json doctor >"$work/out"
holds '.checks[] | select(.check == "forks") | .state == "ok" and
    (.detail | contains("of-b has written 2 histories of notes and has begun anew since"))'
at b --json doctor >"$work/out"
holds '.checks[] | select(.check == "forks") | .detail | contains("this device")'

# Each of both can be named: to look at, to keep as a copy of its own, and to choose.
expect 0 c --json conflicts notes
first=$(answer '.[].versions[] | select(.fields.text == "first") | .version')
second=$(answer '.[].versions[] | select(.fields.text == "second") | .version')
for version in "$first" "$second"; do
    expect 0 a --json diff notes r "$version"
done
expect 0 c collection set notes strategy keep_both
in_sync a b c
expect 0 a --json get notes "r@$first"
holds '.fields.text == "first"'
expect 3 a get notes "r@$second" # it is shown as r
expect 0 c resolve notes r --take "$first"
in_sync a b c
expect 0 b --json get notes r
holds '(.version | length) == 1 and .fields.text == "first"'

# An edit that has seen both ends that.
expect 0 c put notes r text=fourth
in_sync a b c
expect 0 b --json get notes r
holds '(.version | length) == 1 and .fields.text == "fourth"'

# History calls every change by a name of its own, the same on each device, and finds it again by that name.
expect 0 a --json history notes r
holds '([.[].version] | unique | length) == length'
names=$(answer 'map(.version) | join(" ")')
for device in b c; do
    expect 0 $device --json history notes r
    equal "$(answer 'map(.version) | join(" ")')" "$names"
    for text in first second; do
        version=$(at $device --json history notes r | jq -r --arg text $text 'map(select(.fields.text == $text)) | last | .version')
        expect 0 $device --json get notes r --version "$version"
        holds ".fields.text == \"$text\""
    done
done

# A name that a terminal would obey is shown as what it is, here too.
expect 0 b devices rename of-b $'of-\u202eb'
expect 0 b devices
says 'of-\u202eb has written histories that contradict each other, of notes'
