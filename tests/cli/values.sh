# shellcheck shell=bash disable=SC2154,SC2016
# Values: whatever the store takes is shown, exported, imported and given back as itself.

at a init --name kitchen >/dev/null
same_json() { # JSON: the fields of the answer, text for text
    equal "$(grep -o '"fields":.*,"version"' "$work/out" | sed 's/"fields"://; s/,"version"$//')" "$1"
}

# ---- what goes in comes out ----

all='{"big":18446744073709551615,"bin":{"$bytes":"AP8="},"data":{"$$bytes":"x"},"deep":[{"":[]},{}]'
all+=',"float":1.1,"hidden":"a\u202eb\u0000","least":-9223372036854775808,"minus":-0.0,"nil":null'
all+=',"single":{"$float32":0.1},"small":5e-324,"whole":1.0}'
expect 0 a --json put values n1 --data "$all"
same_json "$all"
expect 0 a --json get values n1
same_json "$all"
expect 0 a --json put values n2 --data '{"$$float32":"x"}' # a field of that name, alone
same_json '{"$$float32":"x"}'
expect 0 a --json put values n2 more=1
same_json '{"$float32":"x","more":1}'
expect 0 a export values
cp "$work/out" "$work/lines"
equal "$(sed -n 1p "$work/lines")" "{\"id\":\"n1\",${all#\{}"
equal "$(sed -n 2p "$work/lines")" '{"id":"n2","$float32":"x","more":1}'
expect 0 a --json import again "$work/lines"
expect 0 a export again
cmp "$work/out" "$work/lines"
# A field whose name is a wrapping's is no wrapping beside the id, and none when the id is taken out.
expect 0 a --json import alone <<<'{"id":"x","$bytes":"no base64"}'
expect 0 a --json get alone x
same_json '{"$$bytes":"no base64"}'
expect 0 a --json export alone
equal "$(cat "$work/out")" '{"id":"x","$bytes":"no base64"}'
expect 0 a --json import numbered <<<'{"id":18446744073709551615,"a":1}'
expect 0 a get numbered 18446744073709551615

# ---- text and numbers ----

expect 0 a put typed n1 ver=1.10 text='"1.10"' forced:='"1.10"' list:='[1.0,"1"]' big=18446744073709551615 \
    yes=true 'word="true"' 'none:=null' 'nothing="null"' plain=1.10-rc1 dash=- third=0.30000000000000004
for line in 'ver = 1.1' 'text = "1.10"' 'forced = "1.10"' 'list = [1.0,"1"]' 'big = 18446744073709551615' \
    'yes = true' 'word = "true"' 'none = null' 'nothing = "null"' 'plain = 1.10-rc1' 'dash = -' \
    'third = 0.30000000000000004'; do
    grep -qxF "  $line" "$work/out" || fail "not shown: $line"
done
expect 0 a list typed
says '"ver":1.1,'
expect 0 a history typed n1
says 'ver=1.1'
says 'text="1.10"'
says 'big=18446744073709551615'
expect 0 a put typed n1 big=1 ver=18446744073709551614.5
expect 0 a diff typed n1
says '~ big = 18446744073709551615 -> 1'
says '~ ver = 1.1 -> 1.8446744073709552e+19'
expect 2 a put typed n1 text:=1.10-rc1
complains "no JSON"
expect 2 a put typed n1 :=1
expect 2 a put typed n1 =1

# ---- what it does not take ----

for number in 18446744073709551616 -9223372036854775809 1e999 '{"$float32":1e39}'; do
    expect 2 a put typed n1 "a=$number"
    complains "a number is too large"
    expect 2 a put typed n1 "a:=$number"
    expect 1 a put typed n1 --data "{\"a\":$number}"
    complains "a number is too large"
    expect 1 a import typed <<<"{\"id\":\"n1\",\"a\":[$number]}"
    complains "line 1: a number is too large"
done
expect 2 a put typed n1 --data '{"a":NaN}'
expect 2 a put typed n1 --data '{"a\u0000":1}'
complains NUL
expect 2 a put typed n1 --data '{"a":1,"a":2}'
complains "key twice"
expect 2 a put typed n1 --data '{"a":{"$blob":"AA=="}}'
complains "takes base64"
expect 2 a put typed n1 --data '{"$bytes":"AA=="}'
complains "no JSON object"

# ---- counters over the greatest integer ----

node a
code=$(at a --json invite --no-wait | jq -r .code)
at b join "$code" --name cellar >/dev/null
address=$(ss -Hltnp 2>/dev/null | sed -n "s/.*\(127.0.0.1:[0-9]*\) .*pid=$node,.*/\1/p" | head -n 1)
at a collection set counts field.n counter >/dev/null
at a put counts n1 n=9223372036854775807 text=one >/dev/null
node b --peer "${address:-127.0.0.1}"
at b --json now >/dev/null
at b stop >/dev/null
wait "$node"
expect 0 a put counts n1 n=9223372036854775808 text=two
expect 0 b put counts n1 n=18446744073709551615 text=three
expect 0 a put counts n2 n=1
node b --peer "${address:-127.0.0.1}"
at b --json now >/dev/null
for device in a b; do
    expect 0 $device --json get counts n1
    same_json '{"n":18446744073709551615,"text":"three"}'
    expect 0 $device get counts n1
    says "n = 18446744073709551615"
    expect 0 $device conflicts counts
    says "n=9223372036854775808"
    expect 0 $device history counts n1
    says "n=18446744073709551615"
    expect 0 $device list counts
    says '"n":18446744073709551615'
    says "n2"
done
expect 0 b --json resolve counts n1 --data '{"n":18446744073709551615,"text":"four"}'
same_json '{"n":18446744073709551615,"text":"four"}'

# The command that answers conflicts gets such values as JSON, and gives them back.
at b --json now >/dev/null
at b stop >/dev/null
wait "$node"
at a collection set answered strategy manual >/dev/null
at a put answered n1 a=18446744073709551615 'b={"$float32":0.1}' >/dev/null
at b put answered n1 a=18446744073709551614 >/dev/null
cat >"$work/answer" <<EOF
cat >"$work/asked"
printf '{"fields":{"a":18446744073709551613,"b":{"\$float32":0.7},"c":{"\$\$bytes":1.0}}}'
EOF
at b config set on_conflict "sh '$work/answer'" >/dev/null
at b config set on_conflict_wait_ms 50 >/dev/null
listen a answered
node b --peer "${address:-127.0.0.1}"
await conflict_resolved '.id == "n1"'
expect 0 a --json get answered n1
same_json '{"a":18446744073709551613,"b":{"$float32":0.7},"c":{"$$bytes":1.0}}'
grep -qF '"fields":{"a":18446744073709551615,"b":{"$float32":0.1}}' "$work/asked" || fail "asked otherwise"

# ---- devices of one name ----

expect 0 b devices rename cellar kitchen
at b --json now >/dev/null
for device in a b; do
    print=$(at $device --json status | jq -r .fingerprint)
    other=$(at b --json devices | jq -r ".[].fingerprint" | grep -v "$print")
    expect 0 $device history counts n1
    says "kitchen ($print)"
    says "kitchen ($other)"
    expect 0 $device get counts n1
    grep -qE '^author +kitchen \(....-....-....-....\)$' "$work/out" || fail "the author may be either"
done
