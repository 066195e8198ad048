#!/usr/bin/env bash
# import.sh PROGRAM FOLDER_OF_TINY_TOML: weights from elsewhere, as a checkpoint and as a run.
set -uo pipefail

here=$(cd "$2" && pwd)
# shellcheck source=tests/cli/harness.sh
source "$here/harness.sh" "$(realpath "$1")"
tiny=$here/tiny.toml
# Takes the place of tiny.toml's model.
narrow=(--set 'model={name="resnet20", width=0.0625}')

header=
bytes=0
ones=0 # how many of them, at the end, are 1
dtype=F32
element=4

# tensor NAME SIZE...: adds one to the next file.
tensor() {
  local name=$1 end size=$element axis
  shift
  for axis in "$@"; do size=$((size * axis)); done
  end=$((bytes + size))
  header+=",\"$name\":{\"dtype\":\"$dtype\",\"shape\":[$(IFS=, && echo "$*")],\"data_offsets\":[$bytes,$end]}"
  bytes=$end
}

# norm NAME CHANNELS
norm() {
  local part
  for part in weight bias running_mean running_var; do tensor "$1.$part" "$2"; done
}

# write_file FILE: the tensors so far, all bytes zero but the last ones.
write_file() {
  local text="{${header#,}}" length
  length=$(printf '%016x' ${#text})
  {
    for i in 14 12 10 8 6 4 2 0; do printf '%b' "\\x${length:i:2}"; done
    printf '%s' "$text"
    head -c $((bytes - ones)) /dev/zero
    head -c "$ones" /dev/zero | tr '\0' '\1'
  } >"$1"
}

# resnet20 CLASSES: of 1, 2 and 4 channels.
resnet20() {
  local in=1 stage block out
  header='' bytes=0
  tensor conv1.weight 1 3 3 3
  norm bn1 1
  for stage in 1 2 3; do
    out=$((1 << (stage - 1)))
    for block in 0 1 2; do
      tensor "layer$stage.$block.conv1.weight" "$out" "$in" 3 3
      norm "layer$stage.$block.bn1" "$out"
      tensor "layer$stage.$block.conv2.weight" "$out" "$out" 3 3
      norm "layer$stage.$block.bn2" "$out"
      in=$out
    done
  done
  tensor linear.weight "$1" 4
  tensor linear.bias "$1"
}

resnet20 10
write_file foreign.safetensors
resnet20 7
tensor layer4.0.conv1.weight 1
write_file stranger.safetensors

# Every command that takes a checkpoint accepts it.
expect_success '97 tensors.*akamaster' import foreign.safetensors --model resnet20 --set model.width=0.0625 \
  -o imported.safetensors
expect_success 'top1 float' train "$tiny" "${narrow[@]}" --set train.init_from=imported.safetensors --run trained
expect_success 'top1 quantized' quantize "$tiny" "${narrow[@]}" --set quant.method=symmetric \
  --checkpoint imported.safetensors --run quantized

# A network published as integers: one channel everywhere, thresholds of 0, weights of 1.
header='' bytes=0
for layer in conv1 conv2 conv3 conv4 conv5 conv6 fc1 fc2; do tensor $layer.threshold 1; done
ones=$((-bytes)) dtype=I8 element=1
tensor conv1.weight 1 3 3 3
for layer in conv2 conv3 conv4 conv5 conv6; do tensor $layer.weight 1 1 3 3; done
for layer in fc1 fc2; do tensor $layer.weight 1 1; done
tensor fc3.weight 10 1
ones=$((ones + bytes))
write_file cnv.safetensors
expect_success 'into cnv.qnc' import cnv.safetensors --model cnv_w1a1 -o cnv.qnc
{
  printf 'BM\106\0\0\0\0\0\0\0\066\0\0\0\050\0\0\0\002\0\0\0\002\0\0\0\001\0\030\0'
  printf '\0%.0s' {1..24}
  printf '\377%.0s' {1..16}
} >white.bmp
expect_success 'airplane' predict cnv.qnc white.bmp
expect_failure 1 'cnv: conv1.weight: expected s8.*got f32' import foreign.safetensors --model cnv_w1a1 -o new.qnc
expect_failure 2 'expected no --set, got model.width=2' import cnv.safetensors --model cnv_w1a1 \
  --set model.width=2 -o new.qnc
expect_absent new.qnc

# A run that is complete except for the training.
expect_success '97 tensors.*run' import foreign.safetensors --config "$tiny" "${narrow[@]}" --run run
expect_success '"top1_float"' eval run --json
expect_success 'top1 float' eval run
report "$(grep -q quantized .stdout && echo false || echo true)" "a float network has no quantized accuracy"
expect_success 'top1' train run/config.toml --set train.init_from=run --run trained_on
expect_success 'top1 quantized' quantize run/config.toml --set quant.method=symmetric --checkpoint run --run of_run

# A checkpoint of quench itself, without its training state.
expect_success '97 tensors, with names of quench' import trained/last.safetensors --model resnet20 \
  --set model.width=0.0625 -o own.safetensors
expect_success 'top1' train "$tiny" --set 'model={name="resnet8", width=0.0625}' --set quant.method=lsq --run eight
expect_success 'with names of quench' import eight/last.safetensors --model resnet8 --set model.width=0.0625 \
  -o eight.safetensors
expect_success 'top1 quantized' quantize eight/config.toml --set quant.method=symmetric --checkpoint eight.safetensors --run of_eight
expect_failure 1 'expected a checkpoint of resnet20, got one of resnet8' import eight/last.safetensors --model resnet20 \
  -o other.safetensors
expect_absent other.safetensors

# The same by a map of names.
echo 'one' >map.txt
echo 'linear head.o' >names.txt
sed 's/linear/head.o/g' foreign.safetensors >renamed.safetensors

expect_success '97 tensors, with names of names.txt' import renamed.safetensors --model resnet20 --names names.txt \
  --set model.width=0.0625 -o of_map.safetensors
expect_success '' import foreign.safetensors --model resnet20 --set model.width=0.0625 -o again.safetensors
report "$(cmp -s of_map.safetensors again.safetensors && echo true)" "expected the same weights by a map of names"
report "$(cmp -s imported.safetensors again.safetensors && echo true)" "expected the same checkpoint again"

# Nothing is overwritten, and failures leave nothing.
expect_failure 2 'a file other than foreign.safetensors' import foreign.safetensors --model resnet20 \
  --set model.width=0.0625 -o ./foreign.safetensors --force
expect_failure 2 'stranger.safetensors: expected a new file or a checkpoint' import foreign.safetensors \
  --model resnet20 --set model.width=0.0625 -o stranger.safetensors
expect_failure 1 'run.*got one with' import foreign.safetensors --config "$tiny" "${narrow[@]}" --run run
# expect_bad STATUS REGEX ARGS...
expect_bad() {
  local wanted=$1 regex=$2
  shift 2
  expect_failure "$wanted" "$regex" import "$@"
  expect_absent new.safetensors
  expect_absent new_run
}
expect_bad 1 '^  linear\.bias is f32 \[7\] and should be f32 \[10\]' stranger.safetensors --config "$tiny" \
  "${narrow[@]}" --run new_run
{ head -c -4 foreign.safetensors; printf '\377\377\377\377'; } >nan.safetensors
expect_bad 1 '^  linear\.bias contains -?nan at \[9\]' nan.safetensors --config "$tiny" "${narrow[@]}" --run new_run
expect_bad 1 'layer4\.0\.conv1\.weight f32 \[1\] is unknown' stranger.safetensors --model resnet20 \
  --set model.width=0.0625 -o new.safetensors
expect_bad 1 '^  layer1\.3\.bn1\.bias f32 \[1\] is missing' foreign.safetensors --model resnet32 \
  --set model.width=0.0625 -o new.safetensors
expect_bad 2 'model\.widht.*width' foreign.safetensors --model resnet20 --set model.widht=1 -o new.safetensors
expect_bad 2 'modle' foreign.safetensors --model resnet20 --set modle.width=1 -o new.safetensors
expect_bad 2 'resnet21.*resnet20' foreign.safetensors --model resnet21 -o new.safetensors
expect_bad 1 'expected weights of binarynet.*fc9.weight' foreign.safetensors --model binarynet -o new.safetensors
expect_bad 1 'map.txt:1: expected two names' foreign.safetensors --model resnet20 --names map.txt -o new.safetensors
expect_bad 2 'quantizes' foreign.safetensors --config "$tiny" "${narrow[@]}" --set quant.method=ste --run new_run
expect_bad 2 'neither' foreign.safetensors -o new.safetensors
expect_bad 2 'both' foreign.safetensors --model resnet20 --config "$tiny" -o new.safetensors
expect_bad 2 'expected -o' foreign.safetensors --model resnet20
expect_bad 2 '--run' foreign.safetensors --config "$tiny" -o new.safetensors
expect_bad 1 'missing.safetensors' missing.safetensors --model resnet20 -o new.safetensors
expect_bad 1 'import.sh' "$here/import.sh" --model resnet20 -o new.safetensors
finish
