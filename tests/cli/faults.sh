#!/usr/bin/env bash
# faults.sh PROGRAM FOLDER FAULT: faults of machines during a run: a full disk, a read-only folder, a clock that jumps,
# damaged checkpoints, images that are truncated while in use, a second process on the same folder. The run ends with a
# clear error or continues; its last checkpoint stays valid, and --resume ends with the bits of an undisturbed run.
# Exits with 77 if this machine does not allow the fault to be simulated.
set -uo pipefail

here=$(cd "$2" && pwd)
# shellcheck source=tests/cli/harness.sh
source "$here/harness.sh" "$(realpath "$1")"
config=$here/kill_resume.toml

cannot() {
  printf 'skipped: %s\n' "$*"
  exit 77
}

# small_disk NAME SIZE: mounts an empty file system of that size.
small_disk() {
  mkdir "$1"
  mount -t tmpfs -o "size=$2" tmpfs "$1" 2>/dev/null || cannot "no right to mount a file system here"
  cleanups+=("umount $work/$1")
}

# expect_same REFERENCE RUN: the checkpoints, byte for byte.
expect_same() {
  local file ok
  for file in last.safetensors best.safetensors; do
    ok=true
    cmp "$1/$file" "$2/$file" >"$work/.stderr" 2>&1 || ok=false
    report "$ok" "$2: expected the $file of an undisturbed run"
  done
}

# expect_sound RUN: its last checkpoint can be used.
expect_sound() { expect_success 'top1' eval "$1"; }

# expect_goes_on REFERENCE RUN: resumed, it ends with the bits of an undisturbed run.
expect_goes_on() {
  expect_success 'epoch' train --resume "$2"
  expect_same "$1" "$2"
}

# start ARGS...: trains in the background, leaving the process in $child.
start() {
  last_command="train $*"
  rm -f "$work/.stdout" "$work/.stderr"  # a wait for a line must not find the previous run's
  "$program" train "$@" >"$work/.stdout" 2>"$work/.stderr" </dev/null &
  child=$!
}

# await_epoch RUN: waits until the first epoch is done.
await_epoch() {
  while kill -0 "$child" 2>/dev/null && [[ ! -e $1/last.safetensors ]]; do sleep 0.01; done
}

# expect_end STATUS [REGEX]: the background run ends with this status and message.
expect_end() {
  local ok=true
  status=0
  wait "$child" || status=$?
  [[ $status == "$1" ]] || ok=false
  [[ -z ${2:-} ]] || grep -qiE -- "$2" "$work/.stderr" || ok=false
  report "$ok" "expected exit status $1 and stderr matching /${2:-}/"
}

# stopped_run RUN ARGS...: a run that is stopped after its first epoch.
stopped_run() {
  local run=$1
  shift
  start "$config" "$@" --run "$run"
  await_epoch "$run"
  kill -INT "$child"
  expect_end 130
}

fill_disk() { dd if=/dev/zero of="$1/filler" bs=4k status=none 2>/dev/null; }

# A disk that is full from the start, one that fills up between two processes, and one that fills up under a run.
full_disk() {
  local run=disk/run more_epochs=(--set train.epochs=12)
  small_disk disk 8m
  expect_success 'epoch' train "$config" --run whole
  stopped_run "$run"
  fill_disk disk
  expect_failure 1 'disk/run.*no space' train --resume "$run"
  expect_sound "$run"
  rm disk/filler
  expect_goes_on whole "$run"
  rm -r "$run"

  expect_success 'epoch' train "$config" "${more_epochs[@]}" --run longer
  start "$config" "${more_epochs[@]}" --run "$run"
  await_epoch "$run"
  fill_disk disk
  expect_end 1 'disk/run.*no space'
  expect_sound "$run"
  rm disk/filler
  report "$(compgen -G "$run/*.tmp" >/dev/null || echo true)" "$run: expected no temporary file"
  expect_goes_on longer "$run"
  fill_disk disk
  expect_failure 1 'disk/new.*no space' train "$config" --run disk/new
}

read_only() {
  local run=disk/run
  small_disk disk 8m
  expect_success 'epoch' train "$config" --run whole
  stopped_run "$run"
  mount -o remount,ro disk 2>/dev/null || cannot 'no right to make a file system read-only here'
  expect_failure 1 'disk/run.*read-only' train --resume "$run"
  expect_failure 1 'disk/new.*read-only' train "$config" --run disk/new
  expect_sound "$run"
  mount -o remount,rw disk
  expect_goes_on whole "$run"
  rm -r "$run"

  start "$config" --set train.epochs=12 --run "$run"
  await_epoch "$run"
  # The kernel refuses while a file is open for writing, such as the lock of the run folder.
  if mount -o remount,ro disk 2>/dev/null; then
    expect_end 1 'read-only'
    expect_sound "$run"
  else
    kill -KILL "$child"
    wait "$child" 2>/dev/null
  fi
}

# flip FILE OFFSET BIT: flips one bit.
flip() {
  local byte
  byte=$(od -An -tu1 -j "$2" -N 1 "$1")
  # The inner printf writes the byte as an octal escape.
  # shellcheck disable=SC2059
  printf "\\$(printf '%03o' $((byte ^ (1 << $3))))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# A checkpoint with any flipped bit, or a truncated one, is an error that names it; the other one stays usable, and
# the run resumes from it.
damaged_checkpoint() {
  local size i file=damaged/last.safetensors
  RANDOM=${QUENCH_TEST_SEED:=$((RANDOM))}
  expect_success 'epoch' train "$config" --set train.epochs=1 --run good
  cp -r good damaged
  rm damaged/best.safetensors
  size=$(stat -c %s good/last.safetensors)
  for ((i = 0; i < 20; ++i)); do
    cp good/last.safetensors "$file"
    flip "$file" $(((RANDOM * 32768 + RANDOM) % size)) $((RANDOM % 8))
    expect_failure 1 'damaged/last\.safetensors' train --resume damaged
  done
  flip "$file" $((size - 1)) 7  # of the values
  expect_failure 1 'damaged/last\.safetensors' eval damaged
  for i in 0 7 8 100 $((size / 2)) $((size - 1)); do
    cp good/last.safetensors "$file"
    truncate -s "$i" "$file"
    expect_failure 1 'damaged/last\.safetensors' train --resume damaged
    expect_failure 1 'damaged/last\.safetensors' deploy damaged -o model.qnc
    expect_failure 1 'damaged/last\.safetensors' train "$config" --set train.init_from=damaged --run new_run
    expect_absent new_run
  done
  cp good/best.safetensors damaged
  expect_success 'top1' eval damaged --checkpoint best
  expect_success 'epoch' train --resume damaged
  report "$(grep -q 'damaged/last.safetensors' .stderr && echo true)" 'expected a word about the damaged checkpoint'
  expect_same good damaged
  printf 'QUENCH_TEST_SEED=%d\n' "$QUENCH_TEST_SEED"
}

# Two at once: one continues, the others report who uses the folder. The first is stopped while the others try, because
# starting a program may take longer than training.
two_processes() {
  local i run=shared longer=(--set train.epochs=12)
  expect_success 'epoch' train "$config" "${longer[@]}" --run whole
  stopped_run "$run" "${longer[@]}"
  start --resume "$run"
  until grep -qs 'run folder' "$work/.stdout" || ! kill -0 "$child" 2>/dev/null; do sleep 0.01; done
  local first=$child
  report "$(kill -STOP "$first" && echo true)" 'expected the first to run while a second tries'
  for i in 1 2 3; do
    # Not expect_failure, which would object to the file that the first is writing.
    run train --resume "$run"
    report "$([[ $status == 1 ]] && grep -q "shared: in use by process $first" "$work/.stderr" && echo true)" \
      'expected a second process to be told who has the folder'
    run train "$config" --run "$run"
    report "$([[ $status == 1 ]] && echo true)" 'expected a new run in it to be refused'
  done
  kill -CONT "$first"
  child=$first
  expect_end 0
  expect_same whole "$run"
}

# The time of day jumps by days, back and forth, as when a machine finds its time server. The kernel's monotonic
# clock cannot jump.
jumping_clock() {
  local faketime ok=true
  faketime=$(compgen -G '/usr/lib/*/faketime/libfaketime.so.1') || cannot 'faketime is not installed'
  expect_success 'epoch' train "$config" --run whole
  local jumps=(-10d +3d -400d +0 +20y) i=0
  echo '+0' >offset
  export FAKETIME_TIMESTAMP_FILE=$work/offset FAKETIME_NO_CACHE=1 DONT_FAKE_MONOTONIC=1 FAKETIME_DONT_FAKE_MONOTONIC=1
  LD_PRELOAD=$faketime start "$config" --run jumping
  while kill -0 "$child" 2>/dev/null; do
    echo "${jumps[i++ % ${#jumps[@]}]}" >offset.new
    mv offset.new offset
    sleep 0.05
  done
  expect_end 0
  expect_same whole jumping
  # Durations do not follow it: no epoch took less than nothing, or an hour.
  awk -F, 'NR == 1 { for (i = 1; i <= NF; ++i) column[$i] = i; next }
    { for (name in column) if (name ~ /seconds|_s$/) if ($column[name] < 0 || $column[name] > 3600) bad = 1 }
    END { exit bad }' jumping/metrics.csv || ok=false
  report "$ok" 'jumping: expected durations of a clock that does not jump'
  grep -qE '^ +time +[0-9]{1,2}:[0-9]{2}$' "$work/.stdout" || ok=false
  report "$ok" 'jumping: expected a total time below an hour'
}

# Image files that are truncated or removed while a run reads them.
shrinking_data() {
  local images=(--set data.name=imagefolder --data-dir photos --set data.image_size=32 --set data.resize=32
    --set data.train_size=0 --set data.test_size=0 --set train.batch_size=8 --set train.epochs=12)
  local kind i file=photos/train/a/5.bmp
  for kind in train test; do
    mkdir -p photos/$kind/a photos/$kind/b
    for ((i = 0; i < 8; ++i)); do
      bmp photos/$kind/a/$i.bmp "\\$((100 + i))"
      bmp photos/$kind/b/$i.bmp "\\$((200 + i))"
    done
  done
  expect_success 'epoch' train "$config" "${images[@]}" --run whole
  cp "$file" kept.bmp
  local damage then='photos/train/a/5\.bmp'
  for damage in 'truncate -s 100' 'truncate -s 0' rm; do
    start "$config" "${images[@]}" --run cut
    await_epoch cut
    $damage "$file"
    expect_end 1 'photos/train/a/5\.bmp'
    # Without the file it would be another data set.
    [[ $damage != rm ]] || then='16 for training.*got 15'
    expect_failure 1 "$then" train --resume cut
    cp kept.bmp "$file"
    expect_sound cut
    expect_goes_on whole cut
    rm -r cut
  done
}

case ${3:-} in
  full_disk | read_only | damaged_checkpoint | two_processes | jumping_clock | shrinking_data) "$3" ;;
  *) echo "faults.sh: unknown fault '${3:-}'" && exit 1 ;;
esac
finish
