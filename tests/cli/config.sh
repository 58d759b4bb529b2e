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

echo '{' >"$work/a/config.json"
expect 1 a config list
complains "config.json"
