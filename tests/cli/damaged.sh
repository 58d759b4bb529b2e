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
    { "$program" -C "$work/b" export things >/dev/null; } 2>"$work/err" || code=$?
    [ "$code" -ne 0 ] || continue
    found=$((found + 1))
    # The shell may add which signal ended it.
    equal "$(grep -c '^p2psync: .*damaged' "$work/err")" 1
    ! grep -q Assertion "$work/err" || fail "page $page: the library printed something"
done
[ "$found" -gt 5 ] || fail "only $found pages of $pages were missed"
