# shellcheck shell=bash disable=SC2154,SC2016
# What --since takes: a time as history prints it, which is local; dates; RFC 3339; words; durations.

at a init --name kitchen >/dev/null
at a put notes n1 a=1 >/dev/null
time=$(at a --json history notes n1 | jq -r '.[0].time')
second=$(date -u -d "$time" +%s)

since() { # TIME: the records that would be undone
    expect 0 a --json revert --device kitchen --collection notes --since "$1" --dry-run
}
includes() {
    since "$1"
    holds 'map(.id) == ["n1"]'
}
excludes() {
    since "$1"
    holds '. == []'
}

# What history prints, in any zone.
for zone in UTC XXX-05:30 XXX+11; do
    export TZ=$zone
    printed=$(at a history notes n1 | sed -n '2s/.* \([0-9-]* [0-9:]*\)  kitchen.*/\1/p')
    equal "$printed" "$(date -d "@$second" '+%F %T')"
    includes "$printed"
    includes "${printed/ /T}"
    includes "${printed%:*}" # without seconds
    excludes "$(date -d "@$((second + 1))" '+%F %T')"
    includes "$(date -d "@$second" '+%F')"
    excludes "$(date -d "@$((second + 86400))" '+%F')"
    includes "$time"
    includes "$(date -d "@$second" '+%FT%T%:z')"
    includes "$(date -d "@$second" '+%FT%H:%M%:z')"
done
export TZ=UTC
includes 1h
includes 2d

# The change is one of the last second before midnight, in a zone made for it, and now that is over.
offset=$((86399 - second % 86400))
TZ=$(printf 'XXX-%02d:%02d:%02d' $((offset / 3600)) $((offset / 60 % 60)) $((offset % 60)))
export TZ
until [ "$(date +%s)" -gt "$second" ]; do :; done
includes yesterday
includes "yesterday 23:59"
includes "yesterday 23:59:59"
excludes today
excludes "today 00:00"
excludes "today 12:30"
excludes now
