#!/usr/bin/env bash
# mpi.sh PROGRAM FOLDER: training by several processes under mpirun: its results, and its ends. Exits with 77
# without mpirun.
set -uo pipefail

here=$(cd "$2" && pwd)
# shellcheck source=tests/cli/harness.sh
source "$here/harness.sh" "$(realpath "$1")"

if ! command -v mpirun >/dev/null; then
  skip "mpirun is not installed"
  exit 77
fi
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
# More ranks than cores: a waiting rank has to yield to the others.
mpirun=(mpirun --oversubscribe --bind-to none --mca mpi_yield_when_idle 1)
common=(--set train.threads=1 --no-report)

# ranks N ARGS...: as run, on N ranks.
ranks() {
  local count=$1
  shift
  last_command="$* (on $count ranks)"
  status=0
  timeout "${QUENCH_TEST_TIMEOUT:-60}" "${mpirun[@]}" -n "$count" "$program" "$@" \
    >"$work/.stdout" 2>"$work/.stderr" </dev/null || status=$?
}

expect_status() { report "$([[ $status == "$1" ]] && echo true)" "expected exit status $1"; }
expect_said() { report "$(grep -qiE -- "$1" "$work/.stderr" && echo true)" "expected stderr matching /$1/"; }
expect_printed() { report "$(grep -qiE -- "$1" "$work/.stdout" && echo true)" "expected stdout matching /$1/"; }

expect_same() {
  local ok=true
  cmp "$1/last.safetensors" "$2/last.safetensors" >"$work/.stderr" 2>&1 || ok=false
  report "$ok" "expected the last.safetensors of $1 and $2 to be the same"
}

# numbers_of RUN: loss, training accuracy, scales and all other metrics of each epoch, except times and evaluation
# results, which one differently rounded code can change.
numbers_of() {
  grep -oE '"[a-z0-9_]+":-?[0-9][0-9.e+-]*' "$1/metrics.jsonl" |
    grep -vE '"((top1_|top5_|loss_)?(quantized|float)|images_per_second|seconds|data_wait_s|wall_time)":' | tr -d '"'
}

# expect_close RUN RUN: up to differences from another order of summation.
expect_close() {
  local ok=true
  paste -d: <(numbers_of "$1") <(numbers_of "$2") >"$work/.stderr"
  awk -F: '{ d = $2 - $4; if ($1 != $3 || d * d > 1e-8 * ($2 * $2 + 1e-6)) bad = 1 } END { exit bad || NR < 5 }' \
    "$work/.stderr" || ok=false
  report "$ok" "expected metrics of $1 and $2 that are close"
}

# equal_run NAME ARGS...: two ranks with a batch of 8 against one process with 16, for one step: from the second on, one
# code rounded to the other side changes all that follows, as it does with another number of threads or instruction set.
equal_run() {
  local name=$1
  shift
  local args=("$here/tiny.toml" "${common[@]}" --set optimizer.name=sgd --set optimizer.lr=0.02 --set train.epochs=1
    --set train.max_steps_per_epoch=1 --set 'quant.first_layer={activation={method="none"}}' --set quant.bits=4 "$@")
  run train "${args[@]}" --run "$name-1"
  expect_status 0
  ranks 2 train "${args[@]}" --set train.batch_size=8 --run "$name-2"
  expect_status 0
  expect_close "$name-1" "$name-2"
}

# Without codes the second step is also close, and its loss depends on the first one's gradients. The third is not: a
# maximum or clip that rounding decides differently changes a gradient. That also changes the loss by 2e-4 in one process
# if oneDNN uses AVX2 instead of AVX-512.
equal_run none --set quant.method=none --set train.epochs=2
for method in ab ste affine lsq fat; do equal_run "$method" --set quant.method="$method"; done
equal_run calibrated --set quant.method=tqt --set calibration.batches=2 --set calibration.activations=mse
equal_run folded --set quant.method=tqt --set quant.fold_batch_norm=true

ranks 2 train "$here/tiny.toml" "${common[@]}" --set train.batch_size=8 --set train.sync_batch_norm=false --run own-norms
expect_status 0
expect_printed '^2 ranks, 1 thread each'
report "$([[ $(cat .stdout .stderr | grep -c ' 1/1 ') == 1 ]] && echo true)" \
  "expected one line for the epoch, not one of each rank"
report "$(grep -q '"ranks": 2' own-norms/versions.json && echo true)" "expected versions.json to record 2 ranks"

# The ends of a job: a run that is long enough to be stopped.
config=$here/kill_resume.toml
long=("$config" "${common[@]}" --set train.batch_size=16)
ranks 2 train "${long[@]}" --run whole
expect_status 0
ranks 2 train "${long[@]}" --run again
expect_same whole again

# find_ranks: the processes of $job's ranks into the array $rank. /proc has them everywhere; pgrep has to be installed.
find_ranks() {
  local process parent number
  rank=()
  for process in /proc/[0-9]*; do
    read -r _ _ _ parent _ 2>/dev/null <"$process/stat"
    [[ $parent == "$job" ]] || continue
    number=$(tr '\0' '\n' 2>/dev/null <"$process/environ" | sed -n 's/^OMPI_COMM_WORLD_RANK=//p')
    [[ -z $number ]] || rank[number]=${process#/proc/}
  done
}

# start_ranks RUN: trains in the background until a checkpoint is there; mpirun's process is then $job, the ranks' $rank.
start_ranks() {
  last_command="train on 2 ranks --run $1"
  "${mpirun[@]}" -n 2 "$program" train "${long[@]}" --run "$1" >"$work/.stdout" 2>"$work/.stderr" </dev/null &
  job=$!
  while kill -0 "$job" 2>/dev/null && [[ ! -e $1/last.safetensors ]]; do sleep 0.01; done
  find_ranks
}

# expect_end STATUS: within seconds.
expect_end() {
  local began=$SECONDS
  status=0
  wait "$job" || status=$?
  expect_status "$1"
  report "$( ((SECONDS - began < 10)) && echo true)" "expected an end within 10 seconds, got $((SECONDS - began))"
}

expect_goes_on() {
  ranks 2 train --resume "$1"
  expect_status 0
  expect_same whole "$1"
}

# Only train supports several processes.
ranks 2 eval whole
expect_status 2
expect_said '^quench: eval: expected one process, got 2: only quench train runs in several'
report "$([[ $(grep -c '^quench:' "$work/.stderr") == 1 ]] && echo true)" "expected one message"
ranks 2 compare "$here/tiny.toml" --vary quant.method=ste --run compared
expect_status 2
expect_absent compared
# A comparison started by a launcher as one process: its runs are not ranks.
ranks 1 compare "$here/tiny.toml" --vary quant.method=ste --seeds 0 --run compared
expect_status 0

start_ranks killed
kill -KILL "${rank[1]}"
expect_end 137
# Open MPI 5 prints it in two lines.
expect_said 'rank 1 '
expect_said 'signal 9'
expect_goes_on killed

start_ranks asked
kill -TERM "${rank[1]}"  # one of them alone
expect_end 143
expect_printed 'mpirun -n 2 quench train --resume asked'
ranks 3 train --resume asked
expect_status 1
expect_said 'rank 0 of 3: asked: expected the 2 ranks that the run began with'
expect_failure 1 'asked: expected the 2 ranks that the run began with \(mpirun -n 2\), got 1' train --resume asked
expect_goes_on asked

start_ranks interrupted
kill -TERM "$job"
wait "$job"
expect_goes_on interrupted

# unlike ARGS...: rank 1 gets additional ones through a shell: mpirun of Open MPI 5.0.7 crashes on two command lines.
unlike() {
  last_command="train of unlike ranks: $*"
  status=0
  # shellcheck disable=SC2016  # the ranks' shell expands it
  timeout 60 "${mpirun[@]}" -n 2 bash -c '
    count=$1
    shift
    ((OMPI_COMM_WORLD_RANK == 1)) || set -- "${@:1:$# - count}"
    exec "$@"' bash $# "$program" train "${long[@]}" --run unlike "$@" \
    >"$work/.stdout" 2>"$work/.stderr" </dev/null || status=$?
}
unlike --set optimizer.lr=0.5
expect_status 2
expect_said "rank 0 of 2: all ranks must have the same run: rank 1: expected 'lr = 0.003' as on rank 0, got 'lr = 0.5'"
expect_absent unlike
unlike --set optimizer.lr=-1
expect_status 2
expect_said 'rank 1 of 2: .*optimizer.lr'
expect_absent unlike
unlike --set data.name=nothing
expect_said 'rank 1 of 2: .*data.name'
ranks 2 train "${long[@]}" --set data.name=nothing
expect_status 2
expect_said 'rank 0 of 2: .*data.name'
report "$([[ $(grep -c 'rank [01] of 2:' "$work/.stderr") == 1 ]] && echo true)" "expected one message for an error on all ranks"

finish
