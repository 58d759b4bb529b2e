# shellcheck shell=bash disable=SC2154,SC2016
# Export: what import takes back, whole or not at all.

at a init --name kitchen >/dev/null
at a put notes n1 title=One 'list=[1,2.5,{"deep":{"id":7}}]' 'bytes={"$bytes":"/w=="}' >/dev/null
at a put notes n2 'title="two \u0001 \" lines\n"' >/dev/null
at a put notes n3 >/dev/null
at a put notes gone a=1 >/dev/null
at a delete notes gone >/dev/null

expect 0 a export notes
cp "$work/out" "$work/expected"
equal "$(answer .id | paste -sd' ')" "n1 n2 n3"
equal "$(sed -n 3p "$work/out")" '{"id":"n3"}'
holds 'select(.id == "n1") // true | . == true or .list == [1, 2.5, {"deep": {"id": 7}}]'

expect 0 a --json import copies "$work/expected"
expect 0 a export copies
cmp "$work/out" "$work/expected"
fields() {
    at a --json list "$1" | jq -S -c '{id, fields}'
}
equal "$(fields copies)" "$(fields notes)"

# An archived record is hidden, and not left behind.
at a archive notes n2 >/dev/null
expect 0 a export notes
cmp "$work/out" "$work/expected"
at a restore notes n2 >/dev/null

# Into a file, which is replaced only by a whole one.
expect 0 a export notes "$work/file"
cmp "$work/file" "$work/expected"
expect 3 a export nowhere "$work/file"
cmp "$work/file" "$work/expected"
expect 0 a --json put notes n4 id=own
expect 4 a export notes "$work/file"
complains "--id"
cmp "$work/file" "$work/expected"
equal "$(find "$work" -maxdepth 1 -name 'file*' | wc -l)" 1
expect 0 a export notes --id key "$work/file"
equal "$(jq -r .key "$work/file" | paste -sd' ')" "n1 n2 n3 n4"
expect 0 a --json import again --id key "$work/file"
equal "$(fields again)" "$(fields notes)"

# Devices and pipes are written, not replaced; a full one is an error.
expect 1 a export copies /dev/full
[ -c /dev/full ] || fail "the device was replaced"
expect 1 a export copies "$work/no/such/folder"
mkfifo "$work/pipe"
at a export copies "$work/pipe" &
cmp "$work/pipe" "$work/expected"
wait $!
