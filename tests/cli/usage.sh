# shellcheck shell=bash disable=SC2154,SC2016
# What is no valid command line is exit code 2 and one line that says where to read; help is an answer.

expect_program 0 version
says "p2psync "
expect_program 0 --version
expect_program 0 version --json
holds '.version | test("^[0-9]+[.][0-9]+[.][0-9]+$")'

expect_program 0 help
expect_program 0 --help
for command in init run start stop invite join recover peers devices status put get list delete archive restore \
    history diff revert conflicts resolve collection import export backup restore-backup reset verify watch now config completion version help; do
    expect_program 0 help
    grep -q "^  $command " "$work/out" || fail "help does not name $command"
    expect_program 0 help "$command"
    says "usage: p2psync $command"
    expect_program 0 "$command" --help
    says "usage: p2psync $command"
done

expect_program 2
complains "p2psync help"
for command in frobnicate stats teleport; do
    expect_program 2 "$command"
    complains "there is no command '$command'"
    complains "p2psync help"
done
expect_program 2 help frobnicate
expect_program 2 --frobnicate status
expect_program 2 status --frobnicate
complains "p2psync help status"
expect_program 2 status -x
expect_program 2 status -C
complains "needs a value"
expect_program 2 status --json=yes
expect_program 2 status more
complains "one word too many"
expect_program 2 get notes
complains "something is missing"
expect_program 2 get notes ""
expect_program 2 put notes
expect_program 2 put notes n1 novalue
complains "FIELD=VALUE"
expect_program 2 put notes n1 =value
expect_program 2 put notes n1 --data '{"a":'
expect_program 2 put notes n1 --data '[1]'
expect_program 2 put notes n1 $'a=\xff'
complains "neither JSON nor UTF-8"
expect_program 2 put notes n1 $'a\xff=1'
complains "the name of a field is no UTF-8"
expect_program 2 put notes n1 'a={"$bytes":"*"}'
for version in "" 0 001 -1 00112233445566778899aabbccddeeff- 00112233445566778899aabbccddeeff-x 001122334455667g-0 \
    00112233445566778899aabbccddeeff-18446744073709551616 "00112233445566778899aabbccddeeff-0 "; do
    expect_program 2 get notes n1 --version "$version"
    complains "is no version"
    expect_program 2 restore notes n1 --version "$version"
    expect_program 2 diff notes n1 "$version"
    expect_program 2 diff notes n1 00112233445566778899aabbccddeeff-0 "$version"
done
expect_program 2 resolve notes n1 --take ""
expect_program 2 diff notes n1 00112233445566778899aabbccddeeff-0 00112233445566778899aabbccddeeff-0 00112233445566778899aabbccddeeff-0
expect_program 2 delete notes n1 --note
expect_program 2 history
expect_program 2 history notes n1 --limit few
complains "is no number"
expect_program 2 history notes --since whenever
complains "is no time"
expect_program 2 revert
complains "--device is missing"
expect_program 2 revert --device a
complains "--since is missing"
expect_program 2 revert --device a --since 10m more
for time in "" tomorrow yesterday18:00 "yesterday " "yesterday 24:00" "now 10:00" today10:00 18:00 10 0m 10w m 2026 2026-11 \
    2026-11-26T 2026-11-26T10 2026-11-26T10:00:00+2 2026-02-29 "2026-11-26 10:00 " "2026-11-26 10:00:00 Z" \
    2026-02-29T10:00:00Z 2026-13-01T10:00:00Z 2026-11-26T24:00:00Z 2026-11-26T10:60:00Z 2026-11-26T10:00:60Z \
    2026-11-26T10:00:00.Z 2026-11-26T10:00:00Z+ 2026-11-26T10:00:00+24:00 1969-12-31T23:59:59Z -5m \
    99999999999999999999d 2026-11-26X10:00:00Z; do
    expect_program 2 revert --device a --since "$time"
    complains "is no time"
done
expect_program 2 list notes --limit many
expect_program 2 invite --expires soon
expect_program 2 invite --expires 10
expect_program 2 invite --expires 0m
expect_program 2 invite --expires 99999d
expect_program 2 run --beacon-port 65536
expect_program 2 run --beacon-port 0
expect_program 2 devices remove
expect_program 2 devices role someone
expect_program 2 devices rename someone
expect_program 2 config
expect_program 2 config frobnicate
expect_program 2 config get
expect_program 2 join
expect_program 2 completion
expect_program 2 completion csh
expect_program 2 completion bash more
expect_program 2 $'new\nline'

# Nothing of all this made a directory.
[ ! -e "$HOME" ] || fail "a directory was made"
