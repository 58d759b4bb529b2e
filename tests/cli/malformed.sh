# shellcheck shell=bash disable=SC2154
# A node that answers nonsense: each command says so in one line, or shows what can be shown of it. None crashes, and
# none takes a part of an answer for all of it.

# answers HEX [EVENT]: from here on something listens in place of the node, and answers all that it is asked with that
# value; whoever asks for events is told that one, of 2 bytes of hex, too.
answers() {
    [ -z "${liar:-}" ] || { kill "$liar" && wait "$liar" || true; }
    rm -f "$work/a/control.sock"
    mkfifo "$work/listens"
    python3 - "$work/a/control.sock" "$1" "${2:-}" >"$work/listens" 2>>"$work/liar.log" <<'PYTHON' &
import os, socket, sys

answer, event = bytes.fromhex(sys.argv[2]), bytes.fromhex(sys.argv[3])
EVENTS = 6
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(sys.argv[1])
    listener.listen(64)
    print("listening", flush=True)
    kept = []
    while True:
        client, _ = listener.accept()
        try:
            size = int.from_bytes(client.recv(4, socket.MSG_WAITALL), "big")
            request = client.recv(size, socket.MSG_WAITALL)
            frames = [b"\x92\x00\xc0", b"\x92" + event] if request[2] == EVENTS and event else [b"\x92\x00" + answer]
            client.sendall(b"".join(len(frame).to_bytes(4, "big") + frame for frame in frames))
            kept.append(client) if request[2] == EVENTS else client.close()
        except (OSError, IndexError):
            client.close()
PYTHON
    liar=$!
    pids+=("$liar")
    read -r line <"$work/listens"
    rm "$work/listens"
    equal "$line" listening
}

# asked CODES COMMAND...: the command ends with one of these codes, and says what it has to in no more than one line.
asked() {
    local code=0
    at a "${@:2}" >"$work/out" 2>"$work/err" || code=$?
    [[ " $1 " == *" $code "* ]] || fail "exit code $code: ${*:2}"
    if [ "$code" -ne 0 ] && [ -s "$work/err" ]; then
        equal "$(wc -l <"$work/err")" 1
        complains "p2psync: "
    fi
}

at a init --name kitchen >/dev/null
at a put notes n1 a=1 >/dev/null

# ---- no values ----

for value in d40100 a1ff 810102 82a16101a16102 81a161cb7ff0000000000000 81a2610001; do
    answers "$value" "02$value"
    for command in status peers now "invite --no-wait" "watch notes" watch; do
        for json in "" --json; do
            # shellcheck disable=SC2086 # words
            asked 1 $json $command
            [ -s "$work/err" ] || fail "no word of it: $value: $command"
            [ ! -s "$work/out" ] || fail "an answer in spite of it: $value: $command"
        done
    done
    asked 1 doctor
done

# ---- no frames ----

for value in c1 91 ff00 ddffffffff dbffffffff; do
    answers "$value"
    for command in status peers now "invite --no-wait" watch doctor; do
        # shellcheck disable=SC2086 # words
        asked "1 5" $command
    done
done

# ---- values that say something else ----

nul=$(printf '82a46e616d65a3610062a57374617465a7696e0073796e63') # {"name": "a\0b", "state": "in\0sync"}
for value in c0 05 a3616263 90 9105 91c0 80 "91$nul" "$nul" 81a6636865636b739105 81ab636f6c6c656374696f6e7391"$nul" \
    81a4636f6465a3610062 ce7fffffff cfffffffffffffffff; do
    answers "$value"
    for command in status peers now "invite --no-wait" doctor; do
        for json in "" --json; do
            # shellcheck disable=SC2086 # words
            asked "0 1" $json $command
        done
    done
done
answers "$nul"
expect 0 a status
says 'a'
expect 0 a --json status
holds '.name == "a\u0000b"'
