#!/usr/bin/env bash
# outputs.sh PROGRAM FOLDER_OF_TINY_TOML: where commands write, and which files they do not touch.
set -uo pipefail

here=$(cd "$2" && pwd)
# shellcheck source=tests/cli/harness.sh
source "$here/harness.sh" "$(realpath "$1")"
tiny=$here/tiny.toml

expect() { report "$("${@:2}" && echo true)" "$1"; }
sum_of() { sha256sum -- "$@"; }

expect_success 'top1 quantized' train "$tiny" --run run --set quant.method=ste --set quant.weight.bits=1 \
  --set quant.activation.bits=1 --set 'quant.first_layer={activation={method="affine",bits=8}}'
expect_success '.' deploy run -o model.qnc
before=$(sum_of run/*.* model.qnc)

# expect_refused REGEX ARGS...: with and without --force, and nothing has changed.
expect_refused() {
  local regex=$1
  shift
  expect_failure 2 "$regex" "$@"
  expect_failure 2 "$regex" "$@" --force
  expect "expected run and model as they were after: $*" test "$before" == "$(sum_of run/*.* model.qnc)"
}

devices() {
  expect_success '.' deploy run -o /dev/null
  expect_success '.' report run -o /dev/null
  expect "expected /dev/null to stay a device" test -c /dev/null
  expect_failure 1 'cannot write /dev/full: No space left' deploy run -o /dev/full
  expect "expected /dev/full to stay a device" test -c /dev/full

  mkfifo pipe
  cat pipe >from_pipe &
  expect_success '.' deploy run -o pipe
  wait $!
  expect "expected the model from the pipe" cmp -s from_pipe model.qnc

  ln -s nowhere_yet.qnc link.qnc
  expect_success '.' deploy run -o link.qnc
  expect "expected the link to stay" test -L link.qnc
  expect "expected the model in the link's target" cmp -s nowhere_yet.qnc model.qnc
}

standard_output() {
  local name
  for name in - /dev/stdout /proc/self/fd/1; do
    run deploy run -o "$name"
    expect "expected only the model on standard output ($name)" cmp -s .stdout model.qnc
    expect "expected the table on stderr ($name)" grep -q '^conv2 ' .stderr
  done
  "$program" deploy run -o - 2>/dev/null | cmp -s - model.qnc
  expect "expected the model in the pipe" test "${PIPESTATUS[*]}" == '0 0'
  run report run -o -
  expect "expected a page on standard output" grep -q '^<!DOCTYPE html>' <(head -1 .stdout)
  expect_failure 2 'one output on standard output, got two' deploy run -o - --integer-only -
}

# Files that the command reads or that belong to a run, under any name.
runs_and_inputs() {
  local file
  for file in run/config.toml run/last.safetensors run/best.safetensors run/../run/classes.txt "$PWD/run/metrics.csv"; do
    expect_refused 'does not belong to a run' deploy run -o "$file"
  done
  expect_refused 'does not belong to a run' report run -o run/config.toml
  expect_refused 'does not belong to a run' deploy run -o run/log.txt
  expect_refused 'does not belong to a run' deploy run -o model2.qnc --integer-only run/versions.json
  expect_absent model2.qnc
  ln -s run/config.toml symbolic
  ln run/last.safetensors hard
  expect_refused 'does not belong to a run' report run -o symbolic
  expect_refused 'does not belong to a run' deploy run -o hard
  cp -r run other
  expect_failure 2 'does not belong to a run' deploy run -o other/last.safetensors --force
  ln -s run alias
  expect_refused 'does not belong to a run' deploy alias -o alias/state.json
  expect_refused 'a file other than' deploy run -o same.qnc --integer-only ./same.qnc
  # A user's own file may be there, and so is the report.
  expect_success '.' deploy run -o run/model.qnc
  rm run/model.qnc
  expect_success 'run/report.html' report run
  before=$(sum_of run/*.* model.qnc)
}

other_kinds() {
  echo precious >notes.txt
  expect_failure 2 'deploy -o notes.txt: expected a new file or a model file.*--force' deploy run -o notes.txt
  expect_failure 2 'report -o model.qnc: expected a new file or a report' report run -o model.qnc
  expect_failure 2 'expected a new file or a table' deploy run -o model.qnc --integer-only notes.txt
  expect "expected the notes" test "$(cat notes.txt)" == precious
  expect "expected the model as it was" test "$before" == "$(sum_of run/*.* model.qnc)"
  expect_success '.' deploy run -o notes.txt --force
  expect "expected a model" cmp -s notes.txt model.qnc
  # Files of the same kind, or empty ones, are replaced.
  : >empty
  expect_success '.' deploy run -o empty
  expect_success '.' deploy run -o model.qnc --integer-only table.json
  expect_success '.' deploy run -o model.qnc --integer-only table.json
  expect_success 'page.html' report run -o page.html
  expect_success 'page.html' report run -o page.html
  mkdir folder
  expect_failure 2 'got a folder' deploy run -o folder
  expect_failure 1 'folder .*no does not exist' report run -o no/such.html
  expect_failure 2 'a file name' deploy run -o ''
}

# A file size limit acts like a full disk.
size_limit() {
  last_command='deploy run -o limited.qnc' status=0
  (ulimit -f 4 && exec "$program" deploy run -o limited.qnc) >.stdout 2>.stderr || status=$?
  expect "expected an error" grep -q 'cannot write limited.qnc: File too large' .stderr
  expect "expected exit status 1" test "$status" == 1
  expect "expected no file" test -z "$(find . -name 'limited*')"
}

devices
standard_output
runs_and_inputs
other_kinds
size_limit
finish
