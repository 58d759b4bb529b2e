#!/usr/bin/env bash
# tests/examples/chat.sh CHAT: two processes pair over 127.0.0.1 and talk; last words arrive too.
source "$(dirname "$0")/begin.sh"
chat=$1

device ada
device ben
program ada "$chat" "$work/ada" ada
says ada 'code *'
program ben "$chat" "$work/ben" ben "${line#code }"
echo 'hello from ben' >&"${input[ben]}"
says ada 'ben: hello from ben'
echo 'hello from ada' >&"${input[ada]}"
says ben 'ada: hello from ada'
echo '"quoted" {and} grüße' >&"${input[ada]}"
says ben 'ada: "quoted" {and} grüße'
echo 'bye' >&"${input[ben]}"
ends ben
says ada 'ben: bye'
ends ada

# Who was away hears on return what was said meanwhile.
program ada "$chat" "$work/ada" ada
echo 'anybody there?' >&"${input[ada]}"
program ben "$chat" "$work/ben" ben
says ben 'ada: anybody there[?]'
ends ben
ends ada
