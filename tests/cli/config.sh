# shellcheck shell=bash disable=SC2154,SC2016
# Settings: listed with where they come from, checked before they are written.

at a init --name kitchen >/dev/null
expect 0 a --json config list
holds 'type == "object" and length > 0 and all(.[]; keys == ["source", "value"])'
holds '.durability == {"value": "flush", "source": "default"}'
expect 0 a config list
says durability

expect 0 a --json config set durability none
holds '. == {"value": "none", "source": "config"}'
expect 0 a --json config get durability
holds '. == {"value": "none", "source": "config"}'
expect 0 a config get durability
equal "$(cat "$work/out")" none
expect 0 a --json config set durability null
holds '. == {"value": "flush", "source": "default"}'

expect 2 a config set durability sometimes
expect 2 a config set durability 7
expect 0 a --json config get durability
holds '.source == "default"'
expect 3 a config set no_such_key 1
expect 3 a config get no_such_key

# ---- the environment goes before config.json, and an option before both ----

expect 0 a config set beacon_port 5000
P2PSYNC_BEACON_PORT=6000 P2PSYNC_ON_CONFLICT='echo "it is: $ID"' expect 0 a --json config list
holds '.beacon_port == {"value": 6000, "source": "environment"}'
holds '.on_conflict == {"value": "echo \"it is: $ID\"", "source": "environment"}'
holds '.durability.source == "default"'
P2PSYNC_BEACON_PORT=null expect 0 a --json config get beacon_port
holds '. == {"value": 47470, "source": "environment"}'
P2PSYNC_BEACON_PORT='' expect 0 a --json config get beacon_port
holds '. == {"value": 5000, "source": "config"}'
P2PSYNC_BEACON_PORT=6000 expect 0 a config set beacon_port 5001 # what is written is not what shows
says 6000
expect 0 a --json config get beacon_port
holds '. == {"value": 5001, "source": "config"}'
P2PSYNC_BEACON_PORT=none expect 1 a config list
complains "P2PSYNC_BEACON_PORT in the environment takes a port, from 1 to 65535"
P2PSYNC_BEACON_PORT=none expect 1 a list notes
complains "P2PSYNC_BEACON_PORT"
P2PSYNC_LISTEN=$(printf '\377') expect 1 a config list
complains "P2PSYNC_LISTEN"
expect 0 a config set beacon_port null

echo '{' >"$work/a/config.json"
expect 1 a config list
complains "config.json"
