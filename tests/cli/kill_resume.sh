#!/usr/bin/env bash
# kill_resume.sh PROGRAM FOLDER [KILLS]: trains once undisturbed, then again while being killed at random moments and
# resumed; both must end with the same bits. KILLS: of each of five methods, 5 unless given.
set -uo pipefail

here=$(cd "$2" && pwd)
# shellcheck source=tests/cli/harness.sh
source "$here/harness.sh" "$(realpath "$1")"
config=$here/kill_resume.toml

readonly kills_per_case=${3:-5}
killed=0
killed_while_writing=0
# Random, and printed, because harmful moments are rare.
RANDOM=${QUENCH_TEST_SEED:=$((RANDOM))}

# start ARGS...: trains in the background, leaving the process in $child.
start() {
  last_command="train $*"
  rm -f "$work/.stdout" "$work/.stderr"  # a wait for a line must not find the previous run's
  "$program" train "$@" >"$work/.stdout" 2>"$work/.stderr" </dev/null &
  child=$!
}

is_running() { kill -0 "$child" 2>/dev/null; }

# A checkpoint, not one of the small files.
is_writing() { compgen -G "$1/*.safetensors.*.tmp" >/dev/null; }

# A pause without a process of its own: nothing is ever written to this pipe.
exec {silence}<> <(:)
pause() { read -r -t "$1" -u "$silence"; }

# await_write RUN: waits until a file of the run is half written.
await_write() {
  while is_running && ! is_writing "$1"; do pause 0.001; done
}

# kill_at_random RUN COUNT: every other kill waits for a checkpoint that is being written. Fails if the run ended
# first.
kill_at_random() {
  local delay=$((RANDOM % delay_ms))
  pause "$(printf '%d.%03d' $((delay / 1000)) $((delay % 1000)))"
  (($2 % 2)) || await_write "$1"
  kill -KILL "$child" 2>/dev/null || return
  wait "$child" 2>/dev/null
  killed=$((killed + 1))
  ! is_writing "$1" || killed_while_writing=$((killed_while_writing + 1))
}

# Metrics without the columns that hold times.
timeless() { cut -d, -f1-8,12- "$1/metrics.csv"; }

# The same of metrics.jsonl.
timeless_lines() {
  sed -E 's/"(images_per_second|seconds|data_wait_s|wall_time)":[^,]*,//g' "$1/metrics.jsonl"
}

# expect_same REFERENCE RUN: checkpoints byte for byte, and metrics except times.
expect_same() {
  local file ok
  for file in last.safetensors best.safetensors; do
    ok=true
    cmp "$1/$file" "$2/$file" >"$work/.stderr" 2>&1 || ok=false
    report "$ok" "$2: expected the $file of an undisturbed run"
  done
  ok=true
  diff <(timeless "$1") <(timeless "$2") >"$work/.stderr" 2>&1 || ok=false
  report "$ok" "$2: expected the metrics of an undisturbed run"
  ok=true
  diff <(timeless_lines "$1") <(timeless_lines "$2") >"$work/.stderr" 2>&1 || ok=false
  report "$ok" "$2: expected the metrics of layers of an undisturbed run"
}

# continuation RUN ARGS...: leaves in $words the command that resumes a run; it starts again if the run was killed
# before it had anything to resume from.
continuation() {
  local target=$1
  shift
  words=(--resume "$target")
  [[ ! -e $target/config.toml ]] || return 0
  rm -rf "$target"
  words=("$config" "$@" --run "$target")
}

# killed_run NAME ARGS...: the same run undisturbed and killed.
killed_run() {
  local name=$1 target=$1-killed began=${EPOCHREALTIME/./} kills
  shift
  run train "$config" "$@" --run "$name"
  report "$([[ $status == 0 ]] && echo true)" "$name: expected an undisturbed run"
  # Short enough that most runs are killed, long enough that each gets somewhere.
  delay_ms=$(((${EPOCHREALTIME/./} - began) / 2000))

  for ((kills = 0; kills < kills_per_case;)); do
    continuation "$target" "$@"
    start "${words[@]}"
    if kill_at_random "$target" "$kills"; then
      kills=$((kills + 1))
    else  # it was faster
      wait "$child"
      expect_same "$name" "$target"
      rm -rf "$target"
    fi
  done
  continuation "$target" "$@"
  run train "${words[@]}"
  report "$([[ $status == 0 ]] && echo true)" "$target: expected the last resumed run to finish"
  expect_same "$name" "$target"
}

# interrupted_run SIGNAL STATUS NAME: on SIGNAL, the program saves, says how to resume, and ends with STATUS.
interrupted_run() {
  local target=$3-$1
  start "$config" --run "$target"
  while is_running && [[ ! -e $target/metrics.csv ]]; do pause 0.001; done
  kill "-$1" "$child"
  wait "$child"
  status=$?
  report "$([[ $status == "$2" ]] && echo true)" "$target: expected exit status $2"
  report "$(grep -q -- "train --resume $target" "$work/.stdout" && echo true)" "$target: expected the command to resume"
  run train --resume "$target"
  report "$([[ $status == 0 ]] && echo true)" "$target: expected it to resume"
  expect_same "$3" "$target"
}

killed_run ste
killed_run none --set quant.method=none --set train.threads=2
killed_run ab --set quant.method=ab
killed_run ste4 --set quant.weight.bits=4 --set quant.activation.bits=4 --set optimizer.name=sgd
killed_run ab4 --set quant.method=ab --set quant.weight.bits=4 --set quant.activation.bits=4
interrupted_run INT 130 ste
interrupted_run TERM 143 ste

printf '%d kills, %d while a file was being written (QUENCH_TEST_SEED=%d)\n' \
  "$killed" "$killed_while_writing" "$QUENCH_TEST_SEED"
finish
