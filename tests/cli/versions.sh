# shellcheck shell=bash disable=SC2154,SC2016
# Versions may be shortened wherever one is asked for; what names several is refused, and names them.

at a init --name kitchen >/dev/null
at a put notes n1 a=1 >/dev/null
at a put notes n1 a=2 >/dev/null
at a put notes n2 b=1 >/dev/null
whole=$(at a --json history notes n1 | jq -r '.[-1].version') # a=1
last=$(at a --json history notes n1 | jq -r '.[0].version')
tag=${whole%-*} number=${whole##*-}

# People are shown short ones, and each is taken.
short=$(at a history notes n1 | sed -n '3s/ .*//p')
equal "$short" "${tag:0:7}-$number"
for version in "$short" "${tag:0:4}-$number" "${tag^^}-$number" "$whole"; do
    expect 0 a --json get notes n1 --version "$version"
    holds '.fields == {"a": 1}'
    expect 0 a --json diff notes n1 "$version"
    holds '.changed == {"a": {"from": 1, "to": 2}}'
    expect 0 a --json diff notes n1 "$version" "${last:0:5}-${last##*-}"
    holds '.changed == {"a": {"from": 1, "to": 2}}'
    expect 0 a --json restore notes n1 --version "$version"
    holds '.fields == {"a": 1}'
    at a put notes n1 a=2 >/dev/null
done
version=${tag:0:6} # of n2 there is one
expect 0 a --json get notes n2 --version "$version"
holds '.fields == {"b": 1}'

# Also as a condition.
last=$(at a --json get notes n1 | jq -r '.version[0]')
expect 0 a put notes n1 c=1 --if-version "${last:0:5}-${last##*-}"
expect 4 a put notes n1 c=2 --if-version "${last:0:5}-${last##*-}"
expect 4 a delete notes n1 --if-version "${last:0:5}-${last##*-}"
expect 2 a delete notes n1 --if-version xyz

# Several, or none.
for command in "put notes n1 c=3 --if-version" "archive notes n1 --if-version" "get notes n1 --version" "restore notes n1 --version" "diff notes n1" "resolve notes n1 --take"; do
    # shellcheck disable=SC2086 # the words of the command
    expect 3 a $command "$version"
    complains "ambiguous"
    complains "$tag-"
    # shellcheck disable=SC2086
    expect 3 a $command "$version-999"
    complains "history notes n1"
    # shellcheck disable=SC2086
    expect 3 a $command "$(tr 0123456789abcdef 123456789abcdef0 <<<"$version")"
done
expect 3 a get notes nothing --version "$version"
expect 3 a get nowhere n1 --version "$version"
