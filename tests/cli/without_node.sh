# shellcheck shell=bash disable=SC2154,SC2016
# Without a node what needs one says so; what was last known is shown.

at a init --name kitchen >/dev/null
at a put notes n1 a=1 >/dev/null
for command in watch "watch notes" now invite "invite --no-wait" stop; do
    # shellcheck disable=SC2086 # the words of the command
    expect 5 a $command
    complains "p2psync start"
done

expect 0 a --json peers
holds '. == []'
expect 0 a --json status
holds 'keys == ["alerts", "answers", "collections", "damaged", "device", "devices", "fingerprint", "in_sync", "last_backup", "last_error", "last_error_time",
    "last_sync", "merging", "mesh", "name", "peers_connected", "peers_in_sync", "pending", "removed", "root", "running",
    "state"]'
holds '.running == false and .state == "offline" and .devices == 1 and .name == "kitchen" and .pending == 0'
holds '.collections | map(select(.name == "notes")) | length == 1 and (.[0] | keys ==
    ["changes", "conflicts", "name", "records", "root", "strategy"]) and .[0].records == 1'

expect 0 a --json devices rename kitchen cellar
holds '.[0].name == "cellar"'
expect 0 a --json devices list
holds '.[0].name == "cellar"'
fingerprint=$(answer '.[0].fingerprint')
expect 0 a --json devices rename "$fingerprint" attic
holds '.[0].name == "attic"'
expect 3 a devices rename nobody somebody
expect 2 a devices rename attic "$(printf 'n%.0s' $(seq 65))"

expect 2 a join not-a-code
