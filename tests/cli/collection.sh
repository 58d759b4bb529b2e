# shellcheck shell=bash disable=SC2154,SC2016
# Settings of collections: checked, shared by all devices, and each merged for itself.

at a init --name kitchen >/dev/null
at a put notes n1 a=1 >/dev/null

# ---- shown, set and taken back ----

expect 0 a --json collection get notes
holds '. == {"strategy": "auto_merge", "retention": null}'
expect 0 a --json collection set notes strategy keep_both
holds '.strategy == "keep_both"'
expect 0 a --json collection set notes field.tags union
expect 0 a --json collection set notes field.text text
expect 0 a --json collection set notes retention 90d
holds '. == {"strategy": "keep_both", "retention": "90d", "field.tags": "union", "field.text": "text"}'
expect 0 a collection get notes
equal "$(sed -n 1p "$work/out" | tr -s ' ')" "KEY VALUE"
grep -qE '^field.tags +union$' "$work/out" || fail "not aligned"
expect 0 a --json collection set notes field.tags null
holds 'has("field.tags") | not'
expect 0 a --json collection set notes retention null
holds '.retention == null'
expect 0 a --json status
holds '.collections[] | select(.name == "notes") | .strategy == "keep_both"'

# Before there is any record; and of what stays here.
expect 3 a collection get later
expect 0 a --json collection set later strategy manual
expect 0 a --json collection set _localnotes strategy manual
expect 0 a --json collection list
holds '[.later.strategy, ._localnotes.strategy, .notes.strategy] == ["manual", "manual", "keep_both"]'
expect 0 a collection list
says "COLLECTION"
expect 0 a --json conflicts later
equal "$(cat "$work/out")" "[]"

# ---- what may not be ----

for value in sometimes prefer 7 '{}' '["manual"]' true; do
    expect 2 a collection set notes strategy "$value"
    complains "auto_merge"
done
expect 3 a collection set notes strategy prefer:nobody
complains "p2psync devices"
expect 3 a collection set notes strategy prefer:
expect 2 a collection set notes field.a sum
complains "counter"
for value in 90 d 0d +1d 1.5h 1w 1234567890d 7 '90d '; do
    expect 2 a collection set notes retention "$value"
    complains "90d"
done
for key in color field. field Strategy; do
    expect 3 a collection set notes "$key" union
    complains "strategy, field.NAME and retention"
done
expect 1 a collection set notes "field.$(printf 'n%.0s' $(seq 250))" max
expect 0 a collection set notes "field.$(printf 'n%.0s' $(seq 249))" max
expect 6 a collection set _devices strategy manual
expect 6 a collection set _collections strategy manual
expect 1 a collection set "$(printf 'n%.0s' $(seq 129))" strategy manual
expect 2 a collection
expect 2 a collection forget notes
expect 2 a collection set notes strategy
expect 0 a --json collection get notes
holds '.strategy == "keep_both" and .retention == null'

# ---- two devices that set apart ----

expect 0 a --json collection set notes strategy prefer:kitchen
kitchen=$(at a --json devices | jq -r '.[0].device')
holds ".strategy == \"prefer:$kitchen\""
node a
listen a
code=$(at a --json invite --no-wait | jq -r .code)
at b join "$code" --name cellar >/dev/null
address=$(ss -Hltnp 2>/dev/null | sed -n "s/.*\(127.0.0.1:[0-9]*\) .*pid=$node,.*/\1/p" | head -n 1)
node b --peer "${address:-127.0.0.1}"
await peer_up '.name == "cellar"'
at b --json now >/dev/null
expect 0 b --json collection get notes
holds ".strategy == \"prefer:$kitchen\" and .\"field.text\" == \"text\""
expect 3 b collection get _localnotes
at b stop >/dev/null
wait "$node"
at a collection set notes field.left counter >/dev/null
at a collection set notes strategy manual >/dev/null
at b collection set notes field.right max >/dev/null
at b collection set notes field.text null >/dev/null
at b collection set notes retention 2h >/dev/null
fingerprint=$(at b --json devices | jq -r '.[] | select(.name == "cellar") | .fingerprint')
at b collection set later strategy "prefer:$fingerprint" >/dev/null
node b --peer "${address:-127.0.0.1}"
at b --json now >/dev/null
cellar=$(at b --json devices | jq -r '.[] | select(.name == "cellar") | .device')
# It decides what all are shown, so the first digits of a fingerprint do not say whose versions, and a name that somebody
# else has had does not, either.
expect 3 b collection set later strategy "prefer:${fingerprint:0:9}"
complains "this is the beginning only of a fingerprint: $fingerprint; give the fingerprint or the id"
at b devices rename kitchen attic >/dev/null
at b devices rename cellar kitchen >/dev/null
expect 3 b collection set later strategy prefer:kitchen
complains "several devices are, or were, called so: "
for device in a b; do
    expect 0 $device --json collection get notes
    holds '.strategy == "manual" and .retention == "2h" and ."field.left" == "counter" and
        ."field.right" == "max" and (has("field.text") | not)'
    expect 0 $device --json collection get later
    holds ".strategy == \"prefer:$cellar\""
done
