# shellcheck shell=bash
# tools/lan.sh: a LAN of devices on this machine, for the demo and the tests to source. Hosts are network
# namespaces on a bridge, in a network and mount namespace of the script's own: the machine's interfaces
# and names are never touched, and the kernel removes everything when the script ends, however it ends.
#
# shellcheck disable=SC2154 # set by the script
#
# The script sets `p2psync` (the program) and `devices` (names, each also its host's), and calls
# lan_enter, then lan_begin.

# ---- hosts ----

# lan_enter SCRIPT ARGUMENTS...: go on inside such a namespace, by starting SCRIPT again there. Returns 1
# where none can be made; the devices then are processes on 127.0.0.1.
lan_enter() {
    local flags=(--net --mount)
    lan=no
    [ "$(id -u)" -eq 0 ] || flags+=(--user --map-root-user)
    if [ -z "${P2PSYNC_IN_LAN-}" ]; then
        unshare "${flags[@]}" bash -c "$(declare -f lan_make lan_host); lan_make && lan_host probe 250" \
            2>/dev/null || return 1
        P2PSYNC_IN_LAN=1 exec unshare "${flags[@]}" bash "$@"
    fi
    unset P2PSYNC_IN_LAN
    lan_make
    lan=yes
}

# The bridge, and a private /run for the names of the hosts.
lan_make() {
    mount -t tmpfs tmpfs /run && ip link add lan type bridge && ip link set lan up && ip link set lo up
}

# lan_host NAME NUMBER: a host with the address 10.47.0.NUMBER.
lan_host() {
    ip netns add "$1" &&
        ip link add "to-$1" type veth peer name eth0 netns "$1" &&
        ip link set "to-$1" master lan up &&
        ip -n "$1" link set lo up &&
        ip -n "$1" address add "10.47.0.$2/24" brd + dev eth0 &&
        ip -n "$1" link set eth0 up
}

# Make `work`, the folder that holds every device's directory, and the hosts; all goes when the script ends.
lan_begin() {
    local number=1 device
    work=$(mktemp -d "${TMPDIR:-/tmp}/p2psync-lan.XXXXXX")
    declare -gA pids=()
    trap lan_end EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    for device in "${devices[@]}"; do
        [ "$lan" = no ] || lan_host "$device" $number
        number=$((number + 1))
    done
}
lan_end() {
    local pid
    for pid in $(jobs -pr); do
        kill "$pid" 2>/dev/null || true
    done
    within 10 no_job_runs || for pid in $(jobs -pr); do
        kill -KILL "$pid" 2>/dev/null || true
    done
    wait
    rm -rf --one-file-system "$work"
}
no_job_runs() {
    [ -z "$(jobs -pr)" ]
}

# Pull the cable of a host, and plug it in again.
unplug() {
    ip link set "to-$1" down
}
plug() {
    ip link set "to-$1" up
}

# ---- devices ----

# command_at DEVICE ARGUMENTS...: `command` becomes p2psync on that device, one process when it is run.
command_at() {
    command=("$p2psync" -C "$work/$1" "${@:2}")
    [ "$lan" = no ] || command=(nsenter --net="/run/netns/$1" "${command[@]}")
}
at() {
    local command
    command_at "$@"
    "${command[@]}"
}

# in_background DEVICE ARGUMENTS...: the same, and it ends with the script, however that ends.
in_background() {
    local command
    command_at "$@"
    exec setpriv --pdeathsig KILL "${command[@]}"
}

# run DEVICE OPTIONS...: run its node until the script ends. pids[DEVICE] is its process.
run() {
    in_background "$1" run "${@:2}" >>"$work/$1.out" 2>>"$work/$1.err" &
    pids[$1]=$!
    within 60 is_running "$1" || {
        cat "$work/$1.err" >&2
        fail "the node of $1 did not start"
    }
}

# found DEVICE: it makes a mesh of its own.
found() {
    echo "$1 founds a mesh: $(at "$1" --json init --name "$1" | jq -r .fingerprint)"
}
# invite_and_join MEMBER DEVICE: DEVICE becomes a member through MEMBER, whose node runs.
invite_and_join() {
    local code
    code=$(at "$1" --json invite --no-wait | jq -r .code)
    [ -n "$code" ] || fail "$1 gave no code"
    echo "$1 invites $2: $code"
    echo "$2 joins: $(at "$2" --json join "$code" --name "$2" | jq -r .fingerprint)"
}

# ---- what they say ----

# status_of DEVICE FILTER: a part of its status, by a jq filter.
status_of() {
    at "$1" --json status 2>/dev/null | jq -r "$2"
}
records_of() {
    status_of "$1" "[.collections[] | select(.name == \"$2\") | .records][0] // 0"
}
is_running() {
    kill -0 "${pids[$1]}" 2>/dev/null && [ "$(status_of "$1" .running)" = true ]
}
# same_root DEVICE DEVICE: both hold the same.
same_root() {
    local root
    root=$(status_of "$1" .root)
    [ -n "$root" ] && [ "$root" = "$(status_of "$2" .root)" ]
}
# connected COUNT DEVICES...: each is connected to COUNT others.
connected() {
    local device
    for device in "${@:2}"; do
        [ "$(status_of "$device" .peers_connected)" = "$1" ] || return 1
    done
}
# converged DEVICES...: every node says of itself that it is in sync with all others of these, and what
# they say agrees.
converged() {
    local device
    for device in "$@"; do
        [ "$(status_of "$device" '"\(.in_sync) \(.peers_in_sync) \(.pending)"')" = "true $(($# - 1)) 0" ] &&
            same_root "$1" "$device" || return 1
    done
}

# ---- waiting and failing ----

# within SECONDS COMMAND...: poll until the command succeeds; fails if it has not by then.
within() {
    local deadline=$((SECONDS + $1))
    until "${@:2}"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}
fail() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}
