#!/usr/bin/env bash
# onnx.sh PROGRAM FOLDER_OF_TINY_TOML EXAMPLES: a network from an ONNX file works with every command, like one of the
# registry. tests/onnx/import/ and the suite interop's onnx_import check that quench computes what the file says.
set -uo pipefail

here=$(cd "$2" && pwd)
examples=$(cd "$3" && pwd)
# shellcheck source=tests/cli/harness.sh
source "$here/harness.sh" "$(realpath "$1")"
tiny=$here/tiny.toml

# A graph to start from: one of quench's own networks in float, trained and exported.
expect_success 'top1' train "$tiny" --run float --set quant.method=none
mkdir nets
expect_success '^nets/tiny.onnx: ' export float -o nets/tiny.onnx --float

expect_success '^conv1 +3x32x32 ' describe nets/tiny.onnx
expect_success '^conv1 .* lsq 4 bit +lsq 4 bit' describe nets/tiny.onnx --set quant.method=lsq --set quant.bits=4

# The tiny experiment with the graph as its model.
sed '/^\[model\]/,/^$/d' "$tiny" >own.toml
cat >>own.toml <<'TOML'

[calibration]
weights = "mse"
activations = "mse"
TOML
eight=(--set model.onnx=nets/tiny.onnx --set quant.method=symmetric --set quant.bits=8)
float_top1=$("$program" eval float --json | sed -n 's/.*"top1_float": *\([0-9.]*\).*/\1/p')

# Without a run: eval ignores [quant] and [calibration].
for what in "own.toml ${eight[*]}" "own.toml --set model.onnx=nets/tiny.onnx" \
  "nets/tiny.onnx --set data.name=synthetic --set data.train_size=64 --set data.test_size=32" "$tiny --checkpoint float"; do
  # shellcheck disable=SC2086 # words
  run eval $what --json
  report "$([[ $status == 0 ]] && grep -q "\"top1_float\": ${float_top1}\b" .stdout && ! grep -q top1_quantized .stdout && echo true)" \
    "eval $what: expected top1_float $float_top1 alone"
done
expect_success '^nets/tiny.onnx: 32 test images of synthetic$' eval own.toml --set model.onnx=nets/tiny.onnx
expect_failure 2 'expected a data set, got none: give --set data.name=NAME' eval nets/tiny.onnx
expect_failure 2 'expected a network with trained weights, got random weights' eval "$tiny"
expect_failure 2 'got random weights' eval own.toml --set model.onnx=nets/tiny.onnx --set model.weights=random
expect_failure 2 '--set requires a config or an ONNX file' eval float --set data.test_size=32
expect_failure 1 'nowhere.onnx' eval nowhere.onnx --set data.name=synthetic

expect_success "top1 float +${float_top1}0* %" quantize own.toml "${eight[@]}" --run ptq
report "$([[ -s ptq/network.onnx ]] && echo true)" 'expected the graph in the run folder'
expect_success 'top1 quantized' train own.toml "${eight[@]}" --run ab --set quant.method=ab --set train.epochs=1
expect_success 'top1 quantized' train own.toml "${eight[@]}" --run tqt --set quant.method=tqt --set train.epochs=1

# A run folder contains everything that the run needs.
mv nets moved
expect_success 'last checkpoint: the same bits' repeat ab
expect_success 'tiny.onnx' runs . --filter method=ab
expect_success 'top1' eval ab
for run in ptq ab tqt; do
  expect_success 'model.qnc' deploy "$run" -o "$run.model.qnc"
  expect_success '^evaluation: 0 differ' verify "$run" "$run.model.qnc"
  expect_success '^[a-z]+.onnx: ' export "$run" -o "$run.onnx"
done
expect_failure 1 'nets/tiny.onnx.*--network' bench net ab.model.qnc --seconds 0.1
expect_success 'x as fast as fp32' bench net ab.model.qnc --network moved/tiny.onnx --seconds 0.1
expect_success 'report' report ptq ab -o report.html
mv moved nets
expect_success 'x as fast as fp32' bench net --model nets/tiny.onnx --seconds 0.1
report "$(grep -q '^building nets/tiny.onnx.*--image-size' .stderr && echo true)" "expected what is built, and at which size"
expect_success 'tiny.onnx' bench train --model nets/tiny.onnx --batch 8 --steps 2
expect_success 'tiny.onnx' bench infer --model nets/tiny.onnx --seconds 0.1
expect_success '^ab ' compare own.toml "${eight[@]}" --vary quant.method=ab,tqt --seeds 0 --set train.epochs=1

# An exported network is read back with its quantizers, codes and accuracy; it does not allow [quant].
sed '/^\[quant/,/^$/d' own.toml >grids.toml
"$program" export tqt -o tqt.qonnx.onnx --format qonnx --force >/dev/null
tqt_top1=$("$program" eval tqt --json | sed -n 's/.*"top1_quantized": *\([0-9.]*\).*/\1/p')
expect_success '^conv1 .* fixed 8 bit' describe tqt.onnx
for file in tqt.onnx tqt.qonnx.onnx; do
  expect_success "top1 quantized +${tqt_top1%.*}" eval own.toml --set "model.onnx=$file" --set quant.method=lsq
  expect_success 'top1 float' eval own.toml --set "model.onnx=$file" --set model.quantizers=none
  expect_success "top1 quantized +${tqt_top1%.*}" quantize grids.toml --set "model.onnx=$file" --run "again-$file"
  expect_success 'model.qnc' deploy "again-$file" -o "again-$file.model.qnc"
  expect_success '^evaluation: 0 differ' verify "again-$file" "again-$file.model.qnc"
done
expect_success 'again-tqt.onnx .*fixed +8 / 8 ' runs .
expect_success 'top1' train own.toml "${eight[@]}" --run four --set quant.method=lsq --set quant.bits=4 --set train.epochs=1
"$program" export four -o four.onnx --format qonnx --force >/dev/null
expect_success 'top1 quantized' quantize grids.toml --set model.onnx=four.onnx --run again-four
expect_success 'again-four .*fixed +4 / 4 ' runs .
expect_success '^conv2 .* fixed 4 bit +fixed 4 bit' describe again-four
expect_success 'top1 quantized' eval again-four
expect_success 'top1 quantized' train grids.toml --set model.onnx=tqt.onnx --run tuned --set train.epochs=1
expect_failure 2 'quant.bits: expected no .quant. table with tqt.onnx' describe own.toml "${eight[@]}" \
  --set model.onnx=tqt.onnx
expect_success '^conv1 .* symmetric 8 bit' describe own.toml "${eight[@]}" --set model.onnx=tqt.onnx \
  --set model.quantizers=none
expect_failure 2 'calibration: expected no equalize.* tqt.onnx, whose codes and grids are fixed' quantize grids.toml \
  --set model.onnx=tqt.onnx --set calibration.equalize=true --run changed

# From scratch, and with batch norms folded.
expect_success 'top1' train own.toml "${eight[@]}" --run scratch --set model.weights=random --set train.epochs=1
expect_failure 2 'trained checkpoint to start from' quantize own.toml "${eight[@]}" --set model.weights=random
expect_success "top1 float +${float_top1}0* %" quantize own.toml "${eight[@]}" --run folded --set model.batch_norm=fold

# An output, and the value before it: a run keeps the graph up to that value.
expect_failure 1 "expected model.output to name a value that a node computes, got 'nothing'; outputs are 'logits'" \
  describe nets/tiny.onnx --set model.output=nothing
expect_failure 1 'expected an output .N, classes., got .* model.output = "NAME" to an earlier value' \
  describe own.toml "${eight[@]}" --set model.output=pool2
expect_success "top1 float +${float_top1}0* %" eval own.toml --set model.onnx=nets/tiny.onnx --set model.output=logits
expect_success 'top1' train own.toml "${eight[@]}" --run picked --set model.output=logits --set train.epochs=1
expect_success 'last checkpoint: the same bits' repeat picked
expect_success '^picked.qnc: ' deploy picked -o picked.qnc
expect_success '^evaluation: 0 differ' verify picked picked.qnc

# A new last layer, for other classes: the rest keeps the file's weights.
expect_failure 1 'expected the 10 classes of the data, got 64; model.head = "replace" replaces' \
  describe own.toml "${eight[@]}" --set model.output=fc8
transfer=(own.toml "${eight[@]}" --set model.output=fc8 --set model.head=replace)
expect_success '^fc8 .* 10x64x1x1 ' describe "${transfer[@]}"
expect_success 'top1 quantized' train "${transfer[@]}" --run transfer --set train.epochs=1
expect_success 'top1 quantized' train --resume transfer --set train.epochs=2
expect_success 'top1 quantized' eval transfer
expect_success '^transfer.qnc: ' deploy transfer -o transfer.qnc
expect_success '^evaluation: 0 differ' verify transfer transfer.qnc
expect_success '^transfer.onnx: ' export transfer -o transfer.onnx
expect_failure 2 'trained checkpoint to start from' quantize "${transfer[@]}"
expect_failure 2 'got random weights, at least in its last layer' eval "${transfer[@]}"
expect_failure 1 'tqt.onnx: model.head = .* got one with quantizers' describe grids.toml --set model.onnx=tqt.onnx \
  --set model.head=replace

expect_failure 2 'model.name.*either this or model.onnx' describe "$tiny" --set model.onnx=nets/tiny.onnx
expect_failure 2 'model.weights: expected one of .file., .random.' describe own.toml "${eight[@]}" --set model.weights=some
expect_failure 2 'model.width' describe own.toml "${eight[@]}" --set model.width=0.5
expect_failure 1 'nowhere.onnx' train own.toml --set model.onnx=nowhere.onnx --run nowhere
expect_absent nowhere
expect_failure 1 'not an ONNX file' describe own.toml --set "model.onnx=$tiny"
head -c 5000 nets/tiny.onnx >cut.onnx
expect_failure 1 'cut.onnx: ' train own.toml --set model.onnx=cut.onnx --run cut
expect_absent cut
expect_failure 1 'takes images.*but the data has' describe own.toml "${eight[@]}" --set data.name=mnist
expect_success 'affine 8 bit|symmetric 8 bit' describe "$examples/onnx_cifar10.toml" --set model.onnx=nets/tiny.onnx

finish
