#!/usr/bin/env bash
# runs.sh PROGRAM FOLDER: lists, watches and repeats runs.
set -uo pipefail

here=$(cd "$2" && pwd)
# shellcheck source=tests/cli/harness.sh
source "$here/harness.sh" "$(realpath "$1")"
tiny=$here/tiny.toml
export LC_ALL=C

# expect WHAT COMMAND...: the command must succeed.
expect() {
  local what=$1 ok=true
  shift
  "$@" >/dev/null 2>"$work/.stderr" || ok=false
  report "$ok" "$what"
}

train() { expect_success 'run folder' train "$tiny" --set train.epochs=2 "$@"; }

# In the background, until it is killed; $child is the process.
train_long() {
  "$program" train "$tiny" --set train.epochs=1000 --run "$1" >"$work/.long" 2>&1 </dev/null &
  child=$!
  until [[ -s $1/metrics.csv ]]; do sleep 0.05; done
}

listing() {
  train --set quant.method=ste --set quant.bits=1 --run runs/ste
  train --set train.seed=7 --run runs/group/float
  expect_success 'ste +binarynet +synthetic +ste +1 / 1 .* 2/2 .* done' runs
  expect_success 'group/float .* fp32 ' runs runs/group
  expect_success '^run +model' runs --sort top1_quantized --reverse
  run runs --filter method=none
  expect 'a filter drops other runs' test "$(grep -c done .stdout)" = 1
  expect_success 'no runs match the filters' runs --filter 'top1_float>100'
  expect_success '"weight_bits": 1' runs --json
  expect_failure 2 "unknown key 'epoc'; did you mean 'epoch'" runs --filter epoc=1
  expect_failure 2 'expected a number' runs --filter epoch=two
  expect_failure 2 'sort' runs --sort nonsense
  expect_failure 1 'expected a folder of runs, got a path that does not exist' runs nowhere
}

damaged() {
  mkdir -p damaged/{config,empty,metrics}
  printf '[model\n' >damaged/config/config.toml
  cp -r runs/ste/. damaged/metrics
  printf 'x\n' | tee damaged/metrics/metrics.csv >damaged/metrics/metrics.jsonl
  cp -r runs/ste damaged/lost && rm damaged/lost/config.toml
  expect_success 'metrics.csv:1: expected the columns' runs damaged
  expect 'every damaged folder is listed' test "$(grep -c ' damaged$' .stdout)" = 3
  expect_failure 1 'has no config.toml' watch damaged/lost
  expect_failure 1 'has no config.toml' repeat damaged/lost
  expect_failure 1 'metrics.csv:1: expected the columns' watch damaged/metrics
  expect_failure 1 'expected the columns' repeat damaged/metrics
}

watching() {
  expect_success '^ +2/2 .* [0-9]+:[0-9]+$' watch runs/ste
  expect_success '^done after 2 of 2 epochs' watch runs/ste
  train_long runs/long
  expect_success 'long .* running' runs
  "$program" watch runs/long >"$work/.watched" 2>&1 </dev/null &
  local watcher=$!
  until grep -q '^ *3/1000 ' "$work/.watched"; do sleep 0.05; done
  kill -KILL "$child"
  wait "$child" 2>/dev/null
  rm -f runs/long/*.tmp
  wait "$watcher"
  expect 'watch ends with status 1 when its run is killed' test $? = 1
  expect 'watch says that it was killed' grep -q '^killed after' "$work/.watched"
  expect_success 'long .* killed' runs

  # Watched from the start, and stopped: an interrupt ends only the watcher.
  train_long runs/stopped
  "$program" watch runs/stopped >/dev/null 2>&1 </dev/null &
  watcher=$!
  sleep 0.5
  kill -TERM "$watcher"
  wait "$watcher"
  expect 'a watcher that is stopped says so' test $? = 143
  expect 'the run continues' kill -0 "$child"
  kill -TERM "$child"
  wait "$child"
  run watch runs/stopped
  expect 'a run that was stopped is not done' test "$status" = 1
  expect 'watch says that it was stopped' grep -q '^stopped after' .stdout
}

comparisons() {
  expect_success 'ste' compare "$tiny" --vary quant.method=none,ste --seeds 0 --run compared
  expect_success '^none/seed-0 +1/1 ' watch compared
  expect_success '^ste/seed-0 +done after 1 of 1 epoch$' watch compared
  expect_success 'compared/ste/seed-0 .* done' runs compared
}

repeating() {
  expect_success 'last checkpoint: the same bits' repeat runs/ste
  expect 'the new run is next to the old one' test -s runs/ste-repeat-1/last.safetensors
  expect_success 'metrics of 1 epoch: the same bits' repeat runs/ste --epochs 1 --run first
  expect_failure 1 'expected a new or empty folder' repeat runs/ste --run first
  expect_failure 2 'expected at most the 2 epochs' repeat runs/ste --epochs 3
  expect_failure 1 'nowhere does not exist' repeat nowhere
  mkdir imported && cp runs/ste/{config.toml,versions.json} imported
  expect_failure 1 'has no metrics.csv' repeat imported

  # Another seed's checkpoint, and another commit.
  cp -r runs/ste other
  train --set quant.method=ste --set quant.bits=1 --set train.seed=2 --run seed-2
  cp seed-2/last.safetensors other/last.safetensors
  sed -i 's/"commit": "[^"]*"/"commit": "0123456789ab"/' other/versions.json
  expect_failure 1 'differs from the original: commit: then 0123456789ab, now ' repeat other
  expect 'metrics agree' grep -q '^metrics of 2 epochs: the same bits' .stdout
  expect 'tensors differ' grep -qE '^last checkpoint: [0-9]+ tensors differ; the first of them .* elements' .stdout
  sed -i -E '3s/^([^,]*,[^,]*,)[^,]*/\10.125/' other/metrics.csv
  expect_failure 1 '' repeat other
  expect 'the first column that differs is named' grep -q 'differ first in epoch 2: loss: 0.125 and' .stdout
  rm other/versions.json
  expect_failure 1 'versions.json' repeat other
}

cleanups+=('kill_child')
kill_child() { [[ -z ${child:-} ]] || kill -KILL "$child" 2>/dev/null; }

# The origin of a result.
provenance() {
  local word
  for word in commit onednn cpu threads '"seed": 1'; do
    expect_success "$word" eval runs/ste --json
  done
  expect_success '"config": "runs/ste/config.toml"' eval runs/ste --json
  expect_success '"commit"' bench train --steps 1 --model resnet8 --width 0.125 --batch 2 --json
}

listing
provenance
damaged
watching
comparisons
repeating
finish
