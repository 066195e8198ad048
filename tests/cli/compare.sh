#!/usr/bin/env bash
# compare.sh PROGRAM FOLDER: a comparison that is killed or stopped, and then resumed, ends with the
# results of an undisturbed one; mistakes of users are reported before anything runs.
set -uo pipefail

here=$(cd "$2" && pwd)
# shellcheck source=tests/cli/harness.sh
source "$here/harness.sh" "$(realpath "$1")"
tiny=$here/tiny.toml
kill_resume=$here/kill_resume.toml
# Long enough to be interrupted.
words=(compare "$kill_resume" --vary 'quant.method=ste,ab' --set train.epochs=8)
two_seeds=("${words[@]}" --seeds 0..1)

# start ARGS...: runs the program in the background, leaving the process in $child.
start() {
  last_command=$*
  rm -f "$work/.stdout" "$work/.stderr"  # a wait for a line must not find the previous run's
  "$program" "$@" >"$work/.stdout" 2>"$work/.stderr" </dev/null &
  child=$!
}

is_running() { kill -0 "$child" 2>/dev/null; }

await_file() {
  while is_running && [[ ! -e $1 ]]; do sleep 0.01; done
}

# The runs of the comparison $child.
run_processes() { grep -sl "^PPid:[[:space:]]$child\$" /proc/[0-9]*/status | cut -d/ -f3; }

# expect MESSAGE COMMAND...: counts the command's success.
expect() {
  local message=$1 ok=true
  shift
  "$@" >>"$work/.stderr" 2>&1 || ok=false
  report "$ok" "$message"
}

# The results without times and folders.
results() { cut -d, -f1-7 "$1/compare.csv"; }

expect_same_results() {
  expect "$2: expected the results of an undisturbed comparison" diff <(results "$1") <(results "$2")
  local file
  for file in ste/seed-0 ste/seed-1 ab/seed-0 ab/seed-1; do
    expect "$2: expected the $file of an undisturbed comparison" cmp {"$1","$2"}/$file/last.safetensors
  done
}

# expect_status STATUS: of the last command.
expect_status() { report "$([[ $status == "$1" ]] && echo true)" "expected exit status $1"; }

# All files but the lock, into which each user writes its process.
fingerprint() { find "$1" -type f ! -name .lock -printf '%p %T@ %s\n' | sort; }

undisturbed() {
  expect_success 'variant +test top1' "${two_seeds[@]}" --jobs 2 --run whole
  expect 'whole: expected one line per run and one of names' test "$(wc -l <whole/compare.csv)" = 5
  expect 'whole: expected each run done' test "$(grep -c ',done,' whole/compare.csv)" = 4
  # The run folder alone gives the same.
  expect_success "$(grep -o '"top1_quantized": [0-9.]*' whole/ab/seed-1.json)" eval whole/ab/seed-1 --json
  run eval whole/ab/seed-1 --json
  expect 'whole/ab/seed-1: expected what eval says' cmp whole/ab/seed-1.json .stdout
  local before
  before=$(fingerprint whole/ab)
  expect_success '"statistics"' "${two_seeds[@]}" --run whole --json
  expect 'whole: expected finished runs untouched' test "$before" = "$(fingerprint whole/ab)"
}

# SIGKILL for the comparison and all its runs, once its first run is done.
killed() {
  start "${two_seeds[@]}" --jobs 1 --run killed
  await_file killed/ste/seed-0.json
  await_file killed/ab/seed-0/last.safetensors
  local processes
  mapfile -t processes < <(run_processes)
  expect 'killed: expected it to be still running' is_running
  kill -KILL "$child" "${processes[@]}"
  wait "$child" 2>/dev/null
  local before
  before=$(fingerprint killed/ste/seed-0)
  expect_success 'ab .*2/2' "${two_seeds[@]}" --jobs 2 --run killed
  expect 'killed: expected the finished run untouched' test "$before" = "$(fingerprint killed/ste/seed-0)"
  expect_same_results whole killed
}

# SIGKILL for the comparison alone: its runs notice, save and stop.
orphaned() {
  start "${two_seeds[@]}" --jobs 2 --run orphaned
  await_file orphaned/ab/seed-0/metrics.csv
  local processes
  mapfile -t processes < <(run_processes)
  kill -KILL "$child"
  wait "$child" 2>/dev/null
  expect_success 'ab .*2/2' compare --resume orphaned
  local process alive=true
  for process in "${processes[@]}"; do ! kill -0 "$process" 2>/dev/null || alive=false; done
  report "$alive" 'orphaned: expected its runs to be gone'
  expect_same_results whole orphaned
}

# Stopped, it saves and says how to resume; then it resumes.
stopped() {
  start "${two_seeds[@]}" --jobs 2 --run stopped
  await_file stopped/ab/seed-0/metrics.csv
  kill -TERM "$child"
  wait "$child"
  status=$?
  expect_status 143
  expect 'stopped: expected the command to resume' grep -q 'compare --resume stopped' .stderr
  expect 'stopped: expected a run that saved' grep -rq --include=seed-0.log 'stopped after' stopped
  expect_success 'ab .*2/2' compare --resume stopped --jobs 1
  expect_same_results whole stopped
}

# A run that fails leaves the others, is reported with its log, and is tried again.
failing() {
  local wild=(compare "$tiny" --vary 'optimizer.lr=1e-3,1e37' --seeds 0..1 --set train.threads=1 --run wild)
  expect_failure 1 'lr=1e37 seed 1 failed with exit status 1.*seed-1\.log' "${wild[@]}"
  expect 'wild: expected the end of the log' grep -q 'a smaller optimizer.lr may help' .stderr
  expect 'wild: expected the failure in the table' grep -qE '^lr=1e37 +- .*0/2, 2 failed' .stdout
  expect 'wild: expected the others done' grep -qE '^lr=1e-3 .*2/2$' .stdout
  expect 'wild: expected the failure in the file' grep -q '^lr=1e37,0,failed,' wild/compare.csv
  expect_failure 1 '2 of 4 runs failed.*compare --resume wild' compare --resume wild
}

held_out() {
  expect_success 'held-out top1' compare "$tiny" --variant 'base:' --variant 'wide: model.width=0.125 quant.bits=4' \
    --seeds 7 --set data.validation_size=16 --set train.threads=1
  expect 'expected a folder with the experiment name' test -d runs/compare-tiny-1/wide/seed-7
  expect 'expected no interval of one seed' grep -qE '^wide .* - .*1/1$' .stdout
  rm -rf runs
}

# expect_bad STATUS REGEX ARGS...: fails before it has made a folder.
expect_bad() {
  local wanted=$1 regex=$2
  shift 2
  expect_failure "$wanted" "$regex" compare "$@" --run new
  expect_absent new
}

bad_input() {
  local good=(--vary 'quant.method=ste,none')
  expect_bad 2 'variant stee: .*stee.*ste' "$tiny" --vary quant.method=ste,stee
  expect_bad 2 'variant bits=9: .*quant\.bits.*got 9' "$tiny" --set quant.method=ste --vary quant.bits=4,9
  expect_bad 2 'variant x: .*methd' "$tiny" --variant 'x: quant.methd=ste'
  expect_bad 2 'vary quant\.method: expected key=value' "$tiny" --vary quant.method
  expect_bad 2 'seeds 0-4.*0\.\.4' "$tiny" "${good[@]}" --seeds 0-4
  expect_bad 2 'seeds.*twice' "$tiny" "${good[@]}" --seeds 1,1
  expect_bad 2 'jobs: expected an integer from 1 to 1024, got .0.' "$tiny" "${good[@]}" --jobs 0
  expect_bad 2 'train\.seed.*--seeds' "$tiny" "${good[@]}" --set train.seed=3
  expect_bad 2 'expected --vary' "$tiny"
  expect_bad 1 'missing\.toml' missing.toml "${good[@]}"
  expect_bad 1 'variant ste: .*nowhere' "$tiny" "${good[@]}" --set data.name=cifar10 \
    --set data.train_size=0 --set data.test_size=0 --data-dir nowhere
  expect_failure 2 'config file or --resume' compare
  expect_failure 2 'accepts no config' compare "$tiny" --resume whole
  expect_failure 1 'nowhere.*does not exist' compare --resume nowhere
  expect_absent runs

  local before
  before=$(fingerprint whole)
  expect_failure 2 'whole.*another comparison.*seeds are 0\.\.1, not 0\.\.2' "${words[@]}" --seeds 0..2 --run whole
  expect_failure 2 "variant ste has 'epochs = 8' there, 'epochs = 3' here" compare "$kill_resume" --vary 'quant.method=ste,ab' --seeds 0..1 \
    --set train.epochs=3 --run whole
  expect_failure 2 'variants are ste, ab, not ste, none' compare "$kill_resume" --vary quant.method=ste,none \
    --seeds 0..1 --set train.epochs=8 --run whole
  expect_failure 1 'whole.*got one with' train "$tiny" --run whole
  expect_failure 1 'whole/ab.*got one with' compare "$tiny" "${good[@]}" --run whole/ab
  expect 'whole: expected it untouched' test "$before" = "$(fingerprint whole)"
}

undisturbed
killed
orphaned
stopped
failing
held_out
bad_input
finish
