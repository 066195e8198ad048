#!/usr/bin/env bash
# bad_input.sh PROGRAM FOLDER_OF_TINY_TOML: gives the program what users get wrong, and machines too.
set -uo pipefail

here=$(cd "$2" && pwd)
# shellcheck source=tests/cli/harness.sh
source "$here/harness.sh" "$(realpath "$1")"
tiny=$here/tiny.toml

# with_line FILE TABLE LINE: tiny.toml with LINE added to [TABLE], as FILE.
with_line() { sed "s|^\[$2\]\$|&\n$3|" "$tiny" >"$1"; }

# cifar_file FILE RECORDS: that many black images of class 0, 3073 bytes each.
cifar_file() { head -c "$(($2 * 3073))" /dev/zero >"$1"; }

# cifar_folder DIR: a whole CIFAR-10 of four images a file.
cifar_folder() {
  mkdir -p "$1"
  local i
  for i in 1 2 3 4 5; do cifar_file "$1/data_batch_$i.bin" 4; done
  cifar_file "$1/test_batch.bin" 4
}

# expect_bad_train STATUS REGEX ARGS...: training fails before it has made a run folder.
expect_bad_train() {
  local wanted=$1 regex=$2
  shift 2
  expect_failure "$wanted" "$regex" train "$@" --run new_run
  expect_absent new_run
  expect_absent runs
}

command_lines() {
  expect_failure 2 'subcommand|nonsense' nonsense
  expect_failure 2 'no-such-option' train "$tiny" --no-such-option
  expect_failure 2 'config|resume' train
  expect_failure 2 'nonsense' list nonsense
  expect_failure 2 'subcommand' bench
  expect_failure 2 'steps' bench train --steps 0
  expect_success 'ste' list quantizers
  expect_success 'usage|train'
}

configs() {
  expect_bad_train 1 'missing\.toml' missing.toml
  printf '[model\nname = 1\n' >broken.toml
  expect_bad_train 2 'broken\.toml:1' broken.toml
  expect_bad_train 2 'model\.name.*binarynet.*binarynte' "$tiny" --set model.name=binarynte
  expect_bad_train 2 'ste.*stee' "$tiny" --set quant.method=stee
  expect_bad_train 2 'synthetic.*cifar01' "$tiny" --set data.name=cifar01
  expect_bad_train 2 'optimizer.*adam' "$tiny" --set optimizer.name=adamm

  with_line typo.toml train 'batch_sise = 8'
  expect_bad_train 2 'typo\.toml:[0-9]+.*batch_sise.*batch_size' typo.toml
  expect_bad_train 2 'train\.epochs.*integer.*many' "$tiny" --set train.epochs=many
  expect_bad_train 2 'train\.epochs.*got -1' "$tiny" --set train.epochs=-1
  expect_bad_train 2 'train\.batch_size.*got 0' "$tiny" --set train.batch_size=0
  expect_bad_train 2 'batch_size.*64.*65' "$tiny" --set train.batch_size=65
  expect_bad_train 2 'weight\.bits.*got 9' "$tiny" --set quant.method=ste --set quant.weight.bits=9
  expect_bad_train 2 'width.*got -1' "$tiny" --set model.width=-1
  expect_bad_train 2 'key=value|expected' "$tiny" --set nonsense
}

data_folders() {
  local cifar=(--set data.name=cifar10 --set data.train_size=0 --set data.test_size=0 --set train.batch_size=4)
  cifar_folder whole

  expect_bad_train 1 'nowhere' "$tiny" "${cifar[@]}" --data-dir nowhere
  cp -r whole truncated
  head -c 5000 whole/data_batch_3.bin >truncated/data_batch_3.bin
  expect_bad_train 1 'data_batch_3\.bin.*record' "$tiny" "${cifar[@]}" --data-dir truncated
  cp -r whole mislabelled
  { cifar_file /dev/stdout 1; printf '\012'; head -c 3072 /dev/zero; } >mislabelled/data_batch_2.bin
  expect_bad_train 1 'data_batch_2\.bin.*record 1.*label.*10' "$tiny" "${cifar[@]}" --data-dir mislabelled
  cp -r whole empty
  : >empty/test_batch.bin
  expect_bad_train 1 'test_batch\.bin' "$tiny" "${cifar[@]}" --data-dir empty
  cp -r whole partial
  rm partial/data_batch_5.bin
  expect_bad_train 1 'data_batch_5\.bin' "$tiny" "${cifar[@]}" --data-dir partial
}

# The newest checkpoint of a run folder.
checkpoint() { find "$1" -name '*.safetensors' -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d' ' -f2-; }

run_folders() {
  expect_failure 1 'nowhere' train --resume nowhere
  expect_failure 1 'nowhere' eval nowhere
  expect_success '.' train "$tiny" --run good
  expect_success '"[a-z0-9_]*top1"' eval good --json

  cp -r good truncated_run
  truncate -s 100 "$(checkpoint truncated_run)"
  expect_failure 1 'safetensors' eval truncated_run
  cp -r good garbled_run
  printf '\377\377\377\377\377\377\377\377' | dd of="$(checkpoint garbled_run)" conv=notrunc status=none
  expect_failure 1 'safetensors' eval garbled_run
  cp -r good bare_run
  find bare_run -name '*.safetensors' -delete
  expect_failure 1 'checkpoint|safetensors' eval bare_run

  expect_success '.' train "$tiny" --set model.width=0.125 --run wider
  cp -r good mixed_run
  cp "$(checkpoint wider)" "$(checkpoint mixed_run)"
  expect_failure 1 'safetensors.*(shape|expected)' eval mixed_run

  : >a_file
  expect_failure 1 'a_file' train "$tiny" --run a_file/run
  expect_failure 1 '/proc' train "$tiny" --run /proc/quench_run
}

# A checkpoint that does not fit must not take the last good one with it.
full_disk() {
  mkdir small_disk
  if ! mount -t tmpfs -o size=96k tmpfs small_disk 2>/dev/null; then
    skip 'a full disk: no right to mount one here'
    return
  fi
  cleanups+=("umount $work/small_disk")
  expect_failure 1 'space|write' train "$tiny" --run small_disk/run
}

command_lines
configs
data_folders
run_folders
full_disk
finish
