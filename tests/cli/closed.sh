# shellcheck shell=bash disable=SC2154,SC2016
# A reader of stdout that goes away has what it wanted; a full disk is an error.

at a init --name kitchen >/dev/null
seq 20000 | sed 's/.*/{"id": &, "text": "the text of record &"}/' | at a import many >/dev/null
for command in "list many" "--json list many" "export many" "--json history many 1" "help" "--json status"; do
    # The descriptor of a pipe that nobody reads: the first write finds that out.
    exec {gone}> >(:)
    wait $!
    code=0
    # shellcheck disable=SC2086 # the words of the command
    at a $command >&"$gone" 2>"$work/err" || code=$?
    exec {gone}>&-
    equal "$code" 0
    equal "$(cat "$work/err")" ""
    code=0
    # shellcheck disable=SC2086
    at a $command >/dev/full 2>"$work/err" || code=$?
    equal "$code" 1
    complains "cannot write the answer"
done
equal "$(at a list many | head -n 2 | wc -l)" 2
code=0
exec {gone}> >(:)
wait $!
at a put many new a=1 >&"$gone" 2>"$work/err" || code=$? # it is written, whoever reads the answer
equal "$code" 0
expect 0 a get many new
code=0
at a get many nothing >&"$gone" 2>"$work/err" || code=$?
equal "$code" 3
