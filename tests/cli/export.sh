#!/usr/bin/env bash
# export.sh PROGRAM FOLDER_OF_TINY_TOML: a run's network as an ONNX file. The test onnx_runtime of the suite interop
# runs such files in ONNX Runtime.
set -uo pipefail

here=$(cd "$2" && pwd)
# shellcheck source=tests/cli/harness.sh
source "$here/harness.sh" "$(realpath "$1")"
tiny=$here/tiny.toml
image8=(--set 'quant.first_layer={activation={method="affine",bits=8}}')
four=(--set quant.method=ab --set quant.weight.bits=4 --set quant.activation.bits=4 --set quant.ab.end=1)

# expect_words FILE WORD...: the file contains each of them.
expect_words() {
  local file=$1 word
  shift
  for word in "$@"; do report "$(grep -aq -- "$word" "$file" && echo true)" "expected $word in $file"; done
}

expect_success 'top1 quantized' train "$tiny" --run ab "${four[@]}" "${image8[@]}"
expect_success '^ab.onnx: [0-9]+ nodes of ONNX operator set 13, .* images \[N, 3, 32, 32\] are normalized images$' \
  export ab -o ab.onnx
expect_words ab.onnx QuantizeLinear DequantizeLinear conv1/product 'ab 4 bit' 'affine 8 bit' weights activations classes top1
expect_success 'are pixels from 0 to 255$' export ab -o ab.onnx --pixels --scales operands
expect_words ab.onnx QuantizeLinear images/mean images/std
report "$(! grep -aq conv1/product ab.onnx && echo true)" "expected no scale after a sum"
expect_success '^[0-9]+ of [0-9]+ convolutions run on integers in a runtime that fuses .*; not .*fc' \
  export ab -o ab.onnx --scales operands
expect_success '^float.onnx: ' export ab -o float.onnx --float --format onnx
expect_words float.onnx BatchNormalization
report "$(! grep -aq QuantizeLinear float.onnx && echo true)" "expected no quantizer in a float network"

# Channel 3 of c2 has weights of nearly 0 and an ordinary bias, which does not fit 32 bits in units of its sum.
cat >dead.toml <<TOML
[data]
name = "synthetic"
train_size = 64
test_size = 16
[model]
onnx = "$here/tiny_channel.onnx"
[quant]
method = "symmetric"
granularity = "per_channel"
bits = 8
first_layer = { bits = 8 }
last_layer = { bits = 8 }
pool = { bits = 8 }
TOML
expect_success 'top1 quantized' quantize dead.toml --run dead
for form in '--scales operands' '--format qonnx'; do
  # shellcheck disable=SC2086
  expect_success '^dead.onnx: ' export dead -o dead.onnx $form
  report "$(grep -q '^export: c2: the bias of 1 channel does not fit 32 bits' "$work/.stderr" && echo true)" \
    "expected the layer with $form"
done
expect_success '^3 of 4 convolutions run on integers .*; not fc$' export dead -o dead.onnx --scales operands
expect_success '^dead.onnx: ' export dead -o dead.onnx
report "$([[ ! -s $work/.stderr ]] && echo true)" "expected no remark on scales after the sums"

# Errors leave what was there.
cp ab.onnx before.onnx
expect_success 'top1 float' train "$tiny" --run real --set quant.method=none
expect_failure 2 'real with a float network: give --float' export real -o ab.onnx
expect_failure 1 'nowhere does not exist' export nowhere -o ab.onnx
expect_failure 2 'format' export ab -o ab.onnx --format tflite
expect_failure 2 'scales' export ab -o ab.onnx --scales inside
# The message names the key that gives the slot codes. The method of ternary weights does not quantize activations.
expect_success 'top1 quantized' train "$tiny" --run ternary --set quant.method=twn --set quant.bits=2
expect_failure 2 '^quench: export: fc9 reads float32 values.* quant\.activation = ' export ternary -o ab.onnx
report "$(cmp -s ab.onnx before.onnx && echo true)" "expected ab.onnx as it was"
expect_failure 1 'nowhere' export ab -o nowhere/ab.onnx
expect_success '^real.onnx: ' export real -o real.onnx --float

finish
