#!/usr/bin/env bash
# resume.sh PROGRAM FOLDER: resumed runs: with more epochs or another rate, from another checkpoint, after signals, from
# another folder, with other threads; and how versions.json and `quench repeat` report them.
set -uo pipefail

here=$(cd "$2" && pwd)
# shellcheck source=tests/cli/harness.sh
source "$here/harness.sh" "$(realpath "$1")"
tiny=$here/tiny.toml
export OMP_NUM_THREADS=1

# expect WHAT COMMAND...: the command must succeed.
expect() {
  local what=$1 ok=true
  shift
  "$@" >/dev/null 2>"$work/.stderr" || ok=false
  report "$ok" "$what"
}

# expect_said REGEX: on stderr.
expect_said() { report "$(grep -qE -- "$1" .stderr && echo true)" "expected stderr matching /$1/"; }

same_checkpoints() { cmp "$1/last.safetensors" "$2/last.safetensors" && cmp "$1/best.safetensors" "$2/best.safetensors"; }

# In the background; the process is in $child.
start() {
  last_command="train $*"
  rm -f "$work/.stdout" "$work/.stderr"  # a wait for a line must not find the previous run's
  # Under nohup, SIGHUP would be ignored.
  env --default-signal=HUP "$program" train "$@" >"$work/.stdout" 2>"$work/.stderr" </dev/null &
  child=$!
}
await_epoch() { while kill -0 "$child" 2>/dev/null && [[ ! -s $1/metrics.csv ]]; do sleep 0.02; done; }
kill_child() { [[ -z ${child:-} ]] || kill -KILL "$child" 2>/dev/null; }
cleanups+=(kill_child)

cosine=(--set schedule.name=cosine --set quant.method=lsq --set quant.bits=4)

more_epochs() {
  local more=(--set train.epochs=4 --set optimizer.lr=0.002)
  expect_success 'epochs' train "$tiny" "${cosine[@]}" --set train.epochs=2 --run a
  cp -r a b
  expect_success 'from epoch 3 on: train.epochs = 4 \(was 2\), optimizer.lr = 0.002 \(was 0.001\); the next' \
    train --resume a "${more[@]}"
  expect 'four epochs' test "$(wc -l <a/metrics.csv)" = 5
  expect 'config.toml has the new epochs' grep -qx 'epochs = 4' a/config.toml
  expect_success '4/4 .* done' runs a
  expect 'the section is recorded' grep -q '"to": "4"' a/versions.json

  # Killed in the new section.
  start --resume b "${more[@]}" --set train.checkpoint_every_steps=1
  until ! kill -0 "$child" 2>/dev/null || [[ $(wc -l <b/metrics.csv) -ge 4 ]]; do sleep 0.02; done
  kill -KILL "$child"
  wait "$child" 2>/dev/null
  rm -f b/*.tmp
  expect_success 'epochs' train --resume b
  expect 'killed and resumed in the new section: the same bits' same_checkpoints a b

  expect_success 'last checkpoint: the same bits' repeat a
  expect 'repeated with the same sections' grep -q '"to": "4"' a-repeat-1/versions.json
  expect_success 'last checkpoint: the same bits' repeat b --run b-again
  expect_success 'metrics of 1 epoch: the same bits' repeat a --epochs 1 --run a-first

  # A job script repeats its command after the last epoch.
  expect_success 'after 4 epochs' train --resume a "${more[@]}"
  expect_failure 2 'has finished all of its 4 epochs.*train.epochs' train --resume a --set optimizer.lr=0.001
  expect_failure 2 'at least the 4 epochs that a has done, got 3' train --resume a --set train.epochs=3
  expect_failure 2 'may change within a run, got .model\.width.*accepted: train\.epochs' train --resume a --set model.width=1
  expect 'what was refused changed nothing' same_checkpoints a b
}

edited() {
  cp -r a edited
  sed -i 's/^lr = .*/lr = 0.5/' edited/config.toml
  expect_failure 2 'optimizer\.lr is .0\.5. and was .0\.002..*train --resume edited --set' train --resume edited
  local command
  for command in repeat eval; do
    expect_failure 2 'edited/config\.toml: expected the config that the run wrote' "$command" edited
  done
  expect_failure 2 'edited/config\.toml: expected the config that the run wrote' deploy edited -o edited.qnc
  expect_absent edited.qnc
  cp a/config.toml edited
  printf '\n# a comment\n' >>edited/config.toml
  expect_success 'epochs' train --resume edited --set train.epochs=5
}

# Killed twice after versions.json was written and before config.toml: the run resumes with versions.json's values.
killed_between() {
  local i
  expect_success 'after 1 epoch' train "$tiny" "${cosine[@]}" --set train.epochs=1 --run between
  for i in 1 2; do
    cp -r between whole
    expect_success 'epochs' train --resume whole --set train.epochs=2 --set optimizer.lr=0.002
    cp whole/versions.json between
    rm -r whole
  done
  expect_success 'after 2 epochs' train --resume between
  expect 'with the requested rate' grep -qx 'lr = 0.002' between/config.toml
  expect_success 'last checkpoint: the same bits' repeat between --run between-again
}

# Only temporaries of quench's are removed.
users_files() {
  cp -r a own
  echo mine | tee own/thesis.tmp >own/notes.txt
  echo half >own/last.safetensors.4000000-0.tmp
  expect_success 'epochs' train --resume own --set train.epochs=5
  expect 'the files of the user are there' grep -qx mine own/thesis.tmp own/notes.txt
  expect_absent own/last.safetensors.4000000-0.tmp
  rm -r own
}

# Another number of threads gives other bits: it is reported, recorded, and used in repetitions.
threads() {
  expect_success 'epochs' train "$tiny" --set train.epochs=2 --run t
  OMP_NUM_THREADS=2 expect_success 'epochs' train --resume t --set train.epochs=3
  expect_said 'differs from before: threads: then 1, now 2'
  expect 'and recorded' grep -q '"threads": 2' t/versions.json
  expect_success 'last checkpoint: the same bits' repeat t
  sed -i 's/"commit": "[^"]*"/"commit": "0123456789ab"/; s/"threads": 2/"threads": 1/' t/versions.json
  run repeat t --run t-other
  if [[ $status == 1 ]]; then
    expect 'the likely cause is named' grep -q '^likely cause: commit: then 0123456789ab, now ' .stdout
  fi
}

# The last checkpoint is damaged: the run resumes from the best one, or from a kept one.
damaged() {
  expect_success 'epochs' train "$tiny" --set train.epochs=3 --set train.keep_last=2 --run d
  expect 'two epochs are kept' test "$(cd d && echo epoch-*)" = 'epoch-2.safetensors epoch-3.safetensors'
  expect_success 'epoch-2.safetensors: 32 test images' eval d --checkpoint epoch-2
  expect_failure 1 'no epoch-1 checkpoint \(it keeps epoch-2, epoch-3\)' eval d --checkpoint epoch-1
  cp -r d reference
  truncate -s -1 d/last.safetensors
  truncate -s -1 d/epoch-3.safetensors
  [[ ! d/best.safetensors -nt d/epoch-2.safetensors ]] || truncate -s -1 d/best.safetensors
  expect_success 'epochs' train --resume d
  expect_said 'WARNING: d/last.safetensors'
  expect 'and recorded' grep -qE '"checkpoint": "(epoch-2|best).safetensors"' d/versions.json
  expect 'and ends with the same weights' cmp d/last.safetensors reference/last.safetensors
}

# signal NAME STATUS: the run saves, says how to resume, and resumes to the same bits.
signal() {
  start "$tiny" --set train.epochs=60 --run "$1"
  await_epoch "$1"
  kill "-$1" "$child"
  # A cluster repeats its signal.
  kill "-$1" "$child" 2>/dev/null
  wait "$child"
  status=$?
  report "$([[ $status == "$2" ]] && echo true)" "$1: expected exit status $2"
  report "$(grep -q -- "train --resume $1" .stdout && echo true)" "$1: expected the command to resume"
  expect "$1: saved" grep -q '"state": "stopped"' "$1/state.json"
}

signals() {
  signal HUP 129
  signal USR1 138
  signal XCPU 152
  # With nohup a lost connection ends nothing.
  (trap '' HUP && exec "$program" train "$tiny" --set train.epochs=3 --run kept) >.stdout 2>.stderr </dev/null &
  child=$!
  await_epoch kept
  kill -HUP "$child"
  wait "$child"
  status=$?
  report "$([[ $status == 0 ]] && echo true)" 'nohup: expected the run to continue'
}

# A run folder works from any directory.
elsewhere() {
  local kind i
  for kind in train test; do
    mkdir -p photos/$kind/a photos/$kind/b
    for i in 1 2 3 4; do
      bmp photos/$kind/a/$i.bmp "\\10$i"
      bmp photos/$kind/b/$i.bmp "\\20$i"
    done
  done
  expect_success 'after 1 epoch' train "$tiny" --set data.name=imagefolder --set data.dir=photos --set data.image_size=32 \
    --set data.resize=32 --set data.train_size=0 --set data.test_size=0 --set train.batch_size=4 --run moved
  mkdir inner
  cd inner || exit 1
  expect_success 'test images' eval ../moved
  expect_success 'epochs' train --resume ../moved --set train.epochs=2
  cd ..
  # Other classes mean other labels.
  mkdir -p renamed/train renamed/test
  for kind in train test; do
    cp -r photos/$kind/b renamed/$kind/b
    cp -r photos/$kind/a renamed/$kind/z
  done
  expect_failure 1 "moved: expected images of the run's classes: class 0 is 'b' in the data and 'a' in the run" \
    eval moved --data-dir renamed
  expect_failure 1 "class 0 is 'b' in the data" train --resume moved --data-dir renamed --set train.epochs=3
}

more_epochs
edited
killed_between
users_files
threads
damaged
signals
elsewhere
finish
