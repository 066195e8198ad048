#!/usr/bin/env bash
# terminal.sh PROGRAM FOLDER: output on a terminal, in files and pipes, and in the log of a run.
set -uo pipefail

here=$(cd "$2" && pwd)
# shellcheck source=tests/cli/harness.sh
source "$here/harness.sh" "$(realpath "$1")"
tiny=$here/tiny.toml
escape=$'\e'

# expect WHAT COMMAND...: the command must succeed.
expect() {
  local what=$1 ok=true
  shift
  "$@" >/dev/null 2>&1 || ok=false
  report "$ok" "$what"
}

# The last run's stdout, stderr, and log.
in_files() {
  run train "$tiny" --set quant.method=ste --set train.epochs=2 --no-report --run logged
  expect 'expected the epochs on stdout' test "$(grep -cE '^ +[12]/2 +[0-9.]+ ' .stdout)" = 2
  expect 'expected the column names once' test "$(grep -cE '^epoch +loss' .stdout)" = 1
  expect 'expected nothing on stderr, which is not a terminal' test ! -s .stderr
  expect 'expected lines of at most 80 columns' test "$(wc -L <.stdout)" -le 80
  expect 'expected every line that was printed in the log, with its time' diff \
    <(grep . .stdout) <(sed -E '1d; s/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z  //' logged/log.txt)
  expect 'expected the command line in the log' grep -q 'Z  \$ .* train .* --run logged$' logged/log.txt
  run train "$tiny" --set train.epochs=1 --no-report --run one
  expect 'expected "1 epoch"' grep -q '^tiny after 1 epoch$' .stdout

  run train --resume logged --no-report
  expect 'expected a resumed run to append to the log' test "$(grep -c 'run folder logged' logged/log.txt)" = 2
  run train "$tiny" --set optimizer.lr=1e37 --no-report --run wild
  expect 'expected the error in the log' grep -q 'Z  quench: epoch 1, step 2: .*optimizer.lr' wild/log.txt
}

# A log or an output that cannot be written does not end a training.
lost_outputs() {
  cp -r one unlogged
  rm unlogged/log.txt
  mkdir unlogged/log.txt
  run train --resume unlogged --no-report
  expect 'expected a run without a log' test "$status" = 0
  expect 'expected a message' grep -q 'log.txt: cannot write the log: Is a directory' .stderr
  "$program" train "$tiny" --set train.epochs=2 --no-report --run unread 2>/dev/null | true
  expect 'expected the command to resume in the log of a run whose reader is gone' grep -q 'train --resume unread' unread/log.txt
  if [[ -e /dev/full ]]; then
    "$program" train "$tiny" --no-report --run full >/dev/full 2>/dev/null
    expect 'expected a run to finish on a full disk for its output' grep -q 'tiny after 1 epoch' full/log.txt
    expect 'expected the bits of the other' cmp one/last.safetensors full/last.safetensors
  fi
}

# screen COLUMNS ARGS...: runs it on a terminal and leaves the terminal's input in .screen.
screen() {
  local columns=$1
  shift
  last_command="$* (on $columns columns)"
  printf 'stty cols %s rows 24; exec %q' "$columns" "$program" >.command
  printf ' %q' "$@" >>.command
  status=0
  script -qec "bash .command" .screen </dev/null >/dev/null 2>"$work/.stderr" || status=$?
}

# The lines that a screen showed, without cursor movements and colours.
shown() { tr '\r' '\n' <.screen | sed -E "s/$escape\[[0-9;]*[mK]//g"; }

# Only lines of epochs; the summary and script's own lines have paths.
expect_width() {
  local width
  width=$(shown | grep -E '^ *epoch|^ +[12]/2 ' | wc -L)
  report "$([[ $width -gt 0 && $width -le $1 ]] && echo true)" "expected lines of at most $1 columns, got $width"
}

# Not through a pipe: grep ends at the first match, and a writer to it would then fail.
expect_bar() { report "$(grep -qE -- "$1" <(shown) && echo true)" "expected a bar matching /$1/"; }

on_terminals() {
  export TERM=xterm
  unset NO_COLOR
  local columns
  for columns in 80 60 30; do
    screen "$columns" train "$tiny" --set quant.method=ab --set train.epochs=2 --no-report --run "wide-$columns"
    expect_width "$columns"
    expect 'expected each epoch once' test "$(shown | grep -cE '^ +[12]/2 ')" = 2
  done
  expect 'expected colour' grep -q "$escape\[36m" .screen
  # Long enough for some redraws.
  screen 80 train "$tiny" --set quant.method=ste --set data.train_size=2048 --set train.epochs=2 --run ste
  expect_bar '^epoch 1/2 \[[=> ]+\] +[0-9]+%'
  expect_bar 'left in all  loss [0-9.]+$'
  screen 80 eval ste
  expect_bar '^eval \['
  run deploy ste -o model.qnc
  screen 80 verify ste model.qnc
  expect_bar '^verify \['
  screen 80 report ste
  expect_bar '^activations \['
  screen 80 quantize "$tiny" --set quant.method=affine --set quant.bits=8 --checkpoint one --run quantized
  expect_bar '^calibration \['
  expect_bar '^quantization noise \['
  screen 80 bench conv --shapes 1,4,5,5,8,3,1,1 --types f32,u8s8 --seconds 0.001
  expect_bar '^layers \['
  screen 80 compare "$tiny" --vary quant.method=ste --seeds 0 --run compared
  expect_bar '^compare \['
  screen 80 watch compared
  expect 'expected the runs by name' grep -qE '^ste/seed-0 +1/1 ' <(shown)

  TERM=dumb screen 80 eval ste
  expect 'expected no bar on a terminal that cannot redraw' test "$(grep -c $'\r.' .screen)" = 0
  NO_COLOR=1 screen 80 eval ste
  expect 'expected no colour' test "$(grep -c "$escape\[36m" .screen)" = 0
  expect_bar '^eval \['
}

# After Ctrl-C, the next message starts on an empty line.
interrupted() {
  printf 'stty cols 80; exec %q train %q --set train.epochs=1000 --no-report --run interrupted' "$program" "$tiny" >.command
  { until [[ -s interrupted/metrics.csv ]]; do sleep 0.05; done; printf '\003'; sleep 1; } |
    script -qec "bash .command" .screen >/dev/null
  expect 'expected it stopped' grep -q 'stopped after' <(shown)
  expect 'expected "stopped" on a line of its own' grep -qE '^stopped after [0-9]+ of 1000 epochs; saved' <(shown)
}

in_files
lost_outputs
if command -v script >/dev/null; then
  on_terminals
  interrupted
else
  skip 'terminals: script is not installed'
fi
finish
