# shellcheck shell=bash disable=SC2154
# A damaged file of data is an error in one line, also where it is found only by reading on.

at a init --name kitchen >/dev/null
seq 3000 | sed 's/.*/{"id": &, "text": "the text of record & is long enough to fill a few pages"}/' |
    at a import things >/dev/null
pages=$(($(stat -c %s "$work/a/data.mdb") / 4096))
found=0
for page in $(seq 2 "$((pages / 40))" "$((pages - 1))"); do
    rm -rf "$work/b"
    cp -r "$work/a" "$work/b"
    dd if=/dev/zero of="$work/b/data.mdb" bs=4096 seek="$page" count=1 conv=notrunc status=none
    code=0
    "$program" -C "$work/b" export things >/dev/null 2>"$work/err" || code=$?
    [ "$code" -ne 0 ] || continue
    found=$((found + 1))
    equal "$code" 1
    equal "$(grep -c '^p2psync: .*damaged' "$work/err")" 1
    ! grep -q Assertion "$work/err" || fail "page $page: the library printed something"
done
[ "$found" -gt 5 ] || fail "only $found pages of $pages were missed"

# The file loses its end while it is read: an error too, and not a signal. Who reads waits until it is read
# from, in the middle.
rm -rf "$work/b"
cp -r "$work/a" "$work/b"
mkfifo "$work/pipe"
code=0
# A sanitizer would take the fault for its own.
ASAN_OPTIONS=handle_segv=0:handle_sigbus=0 "$program" -C "$work/b" export things >"$work/pipe" 2>"$work/err" &
reader=$!
exec 3<"$work/pipe"
read -r _ <&3
truncate -s 8192 "$work/b/data.mdb"
cat <&3 >/dev/null
exec 3<&-
wait "$reader" || code=$?
equal "$code" 1
equal "$(grep -c '^p2psync: the store is damaged' "$work/err")" 1

# So for a running node, whose threads of its own read and write.
export ASAN_OPTIONS=handle_segv=0:handle_sigbus=0
node a
for thread in /proc/"$node"/task/*/status; do
    ! grep -q '^Name:.*ZMQbg' "$thread" || continue # libzmq's own, which never see the store
    blocked=$(awk '$1 == "SigBlk:" {print $2}' "$thread")
    equal $((16#$blocked & 16#4e8)) 0 # SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV
done
truncate -s 8192 "$work/a/data.mdb"
kill "$node" # one of them reads once more, at the end
code=0
wait "$node" || code=$?
equal "$code" 1
equal "$(grep -c '^p2psync: the store is damaged' "$work/a.log")" 1
