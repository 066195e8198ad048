#!/usr/bin/env bash
# bad_input.sh PROGRAM FOLDER_OF_TINY_TOML: mistakes of users and faults of machines.
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
  expect_failure 2 'trian.*train' trian
  expect_failure 2 'no-such-option' train "$tiny" --no-such-option
  expect_failure 2 'config|resume' train
  expect_failure 2 'nonsense' list nonsense
  expect_failure 2 'subcommand' bench
  expect_failure 2 'steps.*1000000' bench train --steps 0
  expect_failure 2 'method.*methods.*both' bench train --method ste --methods ab
  expect_failure 2 'symetric.*did you mean .symmetric' bench train --methods symetric
  expect_failure 2 'expected shapes binarynet.*alexnet' bench conv --shapes alexnet
  expect_failure 2 'N,C,H,W,O,K,S,G.*1,2,3' bench conv --shapes 1,2,3
  expect_failure 2 'expected types f32.*s3' bench conv --shapes 1,2,3,3,2,1,1,1 --types s3
  option_values
  expect_success 'exact' bench conv --shapes 1,4,5,5,8,3,1,1 --types f32,u8s8,b1 --seconds 0.001
  expect_success 'ste' list quantizers
  expect_success 'usage|train'
}

threads() {
  local command
  for command in train net infer conv; do
    expect_failure 2 'threads.*1024' bench "$command" --threads 1000000
  done
  OMP_NUM_THREADS=1000000 expect_failure 2 'threads: expected 1..1024, got 1000000' list quantizers
  expect_bad_train 2 'train\.threads.*1024.*1000000' "$tiny" --set train.threads=1000000
}

# repeated TEXT COUNT
repeated() { head -c "$2" /dev/zero | sed "s/\x0/$1/g"; }

# Input that could overflow a parser's stack.
hostile_inputs() {
  local dots
  dots=$(repeated a. 20000)
  expect_bad_train 2 'at most 32 levels deep' "$tiny" --set "${dots}b=1"
  echo "${dots}b = 1" >dots.toml
  repeated '[' 20000 >brackets.toml
  expect_bad_train 2 'dots\.toml:1: .*at most 32 levels deep' dots.toml
  expect_bad_train 2 'brackets\.toml:1: ' brackets.toml
  expect_bad_train 1 'cannot read /dev/zero: expected a file, got a device' /dev/zero
  truncate -s 1T huge
  expect_bad_train 1 'cannot read huge: expected at most 16777216 bytes, got 1099511627776' huge
  expect_failure 1 'cannot read huge: expected at most' import huge --model resnet20 -o new.safetensors
  expect_failure 1 'cannot read huge: expected at most' eval huge
  rm huge
  # A config may come from a pipe.
  expect_success 'top1' train <(cat "$tiny") --run piped
}

# bad_value OPTION VALUE ARGS...: refused by name and value.
bad_value() {
  local option=$1 value=$2
  shift 2
  expect_failure 2 "$option: expected (an integer|a number) from .* to .*, got '$value'" "$@" "$option" "$value"
}

# Every option that takes a number.
option_values() {
  local value
  for value in -5 0 1.5 nan 0x10 99999999999999999999; do
    bad_value --images "$value" verify run model
    bad_value --images "$value" report run
    bad_value --top "$value" predict run image
    bad_value --jobs "$value" compare "$tiny"
    bad_value --epochs "$value" repeat run
    bad_value --threads "$value" bench conv
    bad_value --batch "$value" bench train
  done
  for value in -1 nan; do
    bad_value --interpret "$value" verify run model
    bad_value --bits "$value" bench train
    bad_value --steps "$value" bench train
    bad_value --image-size "$value" bench infer
    bad_value --weight-bits "$value" bench net
    bad_value --activation-bits "$value" bench net
  done
  for value in -1 nan inf one; do
    bad_value --seconds "$value" bench conv
    bad_value --seconds "$value" bench infer
    bad_value --seconds "$value" bench net
    bad_value --width "$value" bench train
    bad_value --width "$value" bench infer
    bad_value --width "$value" bench net
  done
  expect_failure 2 'isa.*sse' bench conv --isa sse
  expect_failure 2 "started>yesterday: expected a time.*got 'yesterday'" runs --filter 'started>yesterday'
  expect_failure 2 "state=finished: expected a state, got 'finished' .accepted: damaged, running" runs --filter state=finished
  expect_failure 2 "expected a number, got 'nan'" runs --filter 'top1_float>nan'
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
  expect_bad_train 2 'match.*konv.*layers: conv1, conv2' "$tiny" \
    --set 'quant.override=[{match="konv*", method="ste"}]'
  expect_bad_train 2 'overrides that agree on layer conv1.*weight\.bits' "$tiny" \
    --set 'quant.override=[{match="conv*", bits=4}, {match="*1", bits=2}]'
  expect_bad_train 2 'conv1\.input.*per_tensor|granularity' "$tiny" --set quant.method=ste \
    --set quant.activation.granularity=per_channel
  expect_bad_train 2 'width.*got -1' "$tiny" --set model.width=-1
  expect_bad_train 2 'key=value' "$tiny" --set nonsense
  expect_bad_train 2 'train\.epochs.*got 0' "$tiny" --set train.epochs=0
  expect_bad_train 2 'train\.epochs.*1000000' "$tiny" --set train.epochs=9223372036854775807
  expect_bad_train 2 'quant\.methd.*method' "$tiny" --set quant.methd=ste
  expect_bad_train 2 'clp.*clip' "$tiny" --set quant.method=ste --set quant.ste.clp=1
  expect_bad_train 2 'data\.mean: expected 3 numbers' "$tiny" --set 'data.mean=[1]'
  expect_bad_train 2 'data\.crop_padding: expected fewer.*32x32.*1000' "$tiny" --set data.crop_padding=1000
  expect_bad_train 2 'validation_size.*64' "$tiny" --set data.validation_size=64
  expect_bad_train 2 'conv1' "$tiny" --set 'quant.override=[{match="nowhere"}]'
  expect_bad_train 2 'steps|milestones' "$tiny" --set schedule.name=step
  expect_bad_train 2 'schedule\.warmup_epochs: expected less than train\.epochs = 1' "$tiny" --set schedule.warmup_epochs=2
  expect_bad_train 1 'nowhere' "$tiny" --set train.init_from=nowhere.safetensors
  expect_bad_train 1 'tiny\.toml' "$tiny" --set "train.init_from=$tiny"
  expect_bad_train 1 'distill\.teacher nowhere.*run folder' "$tiny" --set distill.teacher=nowhere
}

data_folders() {
  local cifar=(--set data.name=cifar10 --set data.train_size=0 --set data.test_size=0 --set train.batch_size=4)
  cifar_folder whole

  expect_bad_train 2 'train_size.*64' "$tiny" --set data.name=cifar10 --data-dir whole
  expect_bad_train 1 'nowhere' "$tiny" "${cifar[@]}" --data-dir nowhere
  cp -r whole truncated
  head -c 5000 whole/data_batch_3.bin >truncated/data_batch_3.bin
  expect_bad_train 1 'data_batch_3\.bin.*record' "$tiny" "${cifar[@]}" --data-dir truncated
  cp -r whole mislabelled
  { head -c 3073 /dev/zero; printf '\012'; head -c 3072 /dev/zero; } >mislabelled/data_batch_2.bin
  expect_bad_train 1 'data_batch_2\.bin.*record 1.*label.*10' "$tiny" "${cifar[@]}" --data-dir mislabelled
  cp -r whole empty
  : >empty/test_batch.bin
  expect_bad_train 1 'test_batch\.bin' "$tiny" "${cifar[@]}" --data-dir empty
  cp -r whole partial
  rm partial/data_batch_5.bin
  expect_bad_train 1 'data_batch_5\.bin' "$tiny" "${cifar[@]}" --data-dir partial
}

checkpoint() { printf '%s/last.safetensors' "$1"; }

run_folders() {
  expect_failure 1 'nowhere' train --resume nowhere
  expect_failure 1 'nowhere' eval nowhere
  expect_success '.' train "$tiny" --run good
  expect_success '"top1_float"' eval good --json

  cp -r good truncated_run
  truncate -s 100 "$(checkpoint truncated_run)"
  expect_failure 1 'safetensors' eval truncated_run
  cp -r good garbled_run
  printf '\377\377\377\377\377\377\377\377' | dd of="$(checkpoint garbled_run)" conv=notrunc status=none
  expect_failure 1 'safetensors' eval garbled_run
  cp -r good bare_run
  find bare_run -name '*.safetensors' -delete
  expect_failure 1 'no last checkpoint' eval bare_run
  cp -r good flipped_run
  flip_bit "$(checkpoint flipped_run)"
  expect_failure 1 'safetensors.*damaged' eval flipped_run
  flip_bit flipped_run/best.safetensors
  expect_failure 1 'last\.safetensors.*damaged' train --resume flipped_run
  cp -r good foreign_run
  printf '\002\0\0\0\0\0\0\0{}' >foreign_run/last.safetensors
  expect_failure 1 'not a quench checkpoint' eval foreign_run

  expect_success '.' train "$tiny" --set model.width=0.125 --run wider
  cp -r good mixed_run
  cp "$(checkpoint wider)" "$(checkpoint mixed_run)"
  expect_failure 1 'safetensors.*should be' eval mixed_run

  cp -r good resumed_run
  expect_failure 2 'resume.*got .model\.width.*accepted: train\.epochs' train --resume resumed_run --set model.width=1
  expect_failure 2 'resume' train "$tiny" --resume resumed_run
  expect_failure 1 'good.*got one with' train "$tiny" --run good
  local held
  exec {held}>>resumed_run/.lock
  flock "$held"
  expect_failure 1 'resumed_run.*in use' train --resume resumed_run
  exec {held}>&-

  : >a_file
  expect_failure 1 'a_file' train "$tiny" --run a_file/run
  expect_failure 1 '/proc' train "$tiny" --run /proc/quench_run
}

# flip_bit FILE: the lowest one of its last byte.
flip_bit() {
  local last
  last=$(tail -c 1 "$1" | od -An -tu1)
  truncate -s -1 "$1"
  # The inner printf writes the byte as an octal escape.
  # shellcheck disable=SC2059
  printf "\\$(printf '%03o' $((last ^ 1)))" >>"$1"
}

# Diverging training: the message says where, and earlier checkpoints stay usable.
diverging_runs() {
  local wild=(--set optimizer.lr=1e37 --set train.checkpoint_every_steps=1)
  expect_failure 1 'epoch 1, step 2: .*(conv|bn)1.*optimizer\.lr.*unharmed' train "$tiny" "${wild[@]}" --run wild
  expect_success 'top1' eval wild
  expect_failure 1 'epoch 1, step 2: conv2' train "$tiny" "${wild[@]}" --run wild4 \
    --set quant.method=ste --set quant.weight.bits=4 --set quant.activation.bits=4
  expect_failure 1 'epoch 1, step [0-9]: .*no checkpoint' train "$tiny" --set optimizer.lr=1e37 --run wild_bare
}

# A checkpoint that does not fit must not damage the last good one.
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
threads
hostile_inputs
configs
data_folders
run_folders
diverging_runs
full_disk
finish
