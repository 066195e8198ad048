#!/usr/bin/env bash
# quantize.sh PROGRAM FOLDER_OF_TINY_TOML: a trained float network quantized without training.
set -uo pipefail

here=$(cd "$2" && pwd)
# shellcheck source=tests/cli/harness.sh
source "$here/harness.sh" "$(realpath "$1")"
tiny=$here/tiny.toml
lsq=(--set quant.method=lsq --set quant.bits=8)

# expect_bad STATUS REGEX ARGS...: fails before it has made a run folder.
expect_bad() {
  local wanted=$1 regex=$2
  shift 2
  expect_failure "$wanted" "$regex" quantize "$@" --run new_run
  expect_absent new_run
}

# value KEY: of the JSON that was printed last.
value() { sed -n "s/^  \"$1\": \(.*[^,]\),\{0,1\}$/\1/p" .stdout; }

expect_success 'top1 float' train "$tiny" --run float
expect_success '^conv2 +lsq 8 bit +[1-9][0-9.]+ +lsq 8 bit +[1-9][0-9.]+ +[1-9][0-9.]+$' \
  quantize "$tiny" --checkpoint float "${lsq[@]}" --run quantized
expect_success '^fc9 +lsq 8 bit +[0-9.]+ +fp32 +- +' quantize "$tiny" --checkpoint float/last.safetensors "${lsq[@]}" \
  --set quant.last_layer.activation.method=none --run of_file

# The folder is a run: eval gives the accuracies of quantize.
expect_success '"top1_quantized"' quantize "$tiny" --set train.init_from=float/last.safetensors "${lsq[@]}" \
  --set calibration.order=topological --set calibration.activations=percentile --run judged --json
found=$(value top1_float)/$(value top1_quantized)
expect_success '"top1_quantized"' eval judged --json
report "$([[ $found == */* && $found == "$(value top1_float)/$(value top1_quantized)" ]] && echo true)" \
  "expected eval to find $found"
expect_success '.' train judged/config.toml --run trained_on

# Weights that have changed with their grids are restored, too, and can be trained further.
resnet=(--set 'model={name="resnet8", width=0.25}' --set calibration.equalize=true)
expect_success 'top1 float' train "$tiny" --set 'model={name="resnet8", width=0.25}' --run resnet
for settings in 'quant.method=symmetric empirical' 'quant.method=pact analytic' \
  'quant={method="affine",bits=6,fold_batch_norm=true} analytic'; do
  read -r quant bias <<<"$settings"
  rm -rf changed
  expect_success '"top1_quantized"' quantize "$tiny" --checkpoint resnet "${resnet[@]}" --set "$quant" \
    --set calibration.bias_correction="$bias" --run changed --json
  found=$(value top1_quantized)
  expect_success '"top1_quantized"' eval changed --json
  report "$([[ -n $found && $found == "$(value top1_quantized)" ]] && echo true)" "expected eval to find $found"
  rm -rf trained_on
  expect_success 'top1 quantized' train "$tiny" --set 'model={name="resnet8", width=0.25}' --set "$quant" \
    --set train.init_from=changed/last.safetensors --run trained_on
done
expect_success '^equalized 3 pairs of layers; not conv1 \(2 layers read its output\), stack1.conv2, .*\(a sum' quantize "$tiny" \
  --checkpoint resnet "${resnet[@]}" --set quant.method=tqt --set calibration.bias_correction=empirical --run told
report "$(grep -q '^biases of 8 layers corrected; not stack2.shortcut, stack3.shortcut (no bias' .stdout && echo true)" \
  "expected a line on the biases"
report "$(grep -q '"bias_correction"' told/quantize.json && grep -q '"equalization"' told/quantize.json && echo true)" \
  "expected both steps in quantize.json"
expect_success '^dorefa changes the weights of [0-9]+ layers too much .*requires training' quantize "$tiny" --checkpoint float \
  --set quant.method=dorefa --run stranger

# Codes that reconstruction chose: the table, and a run that evaluates to the same, verifies, exports and trains further.
w2=(--set model.name=resnet8 --set model.width=0.25
  --set 'quant={method="lsq",bits=4,weight={bits=2,granularity="per_channel"},residual={bits=8},pool={bits=8}}')
brief=(--set calibration.batches=1 --set calibration.batch_size=32 --set calibration.adaround.iterations=40
  --set calibration.qdrop.iterations=40)
for reconstruct in gptq adaround qdrop; do
  rm -rf codes trained_on
  expect_success '"reconstruction"' quantize "$tiny" --checkpoint resnet "${w2[@]}" --set calibration.reconstruct=$reconstruct \
    "${brief[@]}" --run codes --json
  found=$(value top1_quantized)
  expect_success '"top1_quantized"' eval codes --json
  report "$([[ -n $found && $found == "$(value top1_quantized)" ]] && echo true)" "expected eval to find $found"
  expect_success '.' deploy codes -o codes.qnch
  expect_success 'evaluation: 0 differ' verify codes codes.qnch
  expect_success 'top1 quantized' train "$tiny" "${w2[@]}" --set train.init_from=codes --run trained_on
  rm -rf table
  expect_success "^unit +loss nearest +loss $reconstruct +share" quantize "$tiny" --checkpoint resnet "${w2[@]}" \
    --set calibration.reconstruct=$reconstruct "${brief[@]}" --run table
done
# Killed after a unit, it resumes to the same bits.
adaround=("${w2[@]}" "${brief[@]}" --set calibration.reconstruct=adaround --set "train.init_from=\"$work/resnet/last.safetensors\"")
expect_success 'top1 quantized' quantize "$tiny" "${adaround[@]}" --run whole
"$program" quantize "$tiny" "${adaround[@]}" --run killed >/dev/null 2>&1 </dev/null &
pid=$!
until [[ -e killed/reconstruction.safetensors || ! -d /proc/$pid ]]; do sleep 0.01; done
{ kill -9 $pid; wait $pid; } 2>/dev/null
report "$([[ ! -e killed/quantize.json ]] && echo true)" "expected to be killed before the end"
expect_success 'top1 quantized' quantize --resume killed
report "$(cmp -s killed/last.safetensors whole/last.safetensors && echo true)" "expected the bits of an undisturbed run"
expect_absent killed/reconstruction.safetensors
expect_failure 2 'killed is already quantized.*quench eval' quantize --resume killed
expect_failure 2 'accepts no config' quantize --resume killed --set calibration.batches=1
expect_failure 2 'expected a config file or --resume' quantize
expect_bad 2 'calibration.adaround.lr: expected .*got 0' "$tiny" "${adaround[@]}" --set calibration.adaround.lr=0
expect_bad 2 'input: qdrop: expected a method .*symmetric, affine or lsq, got tqt' "$tiny" "${w2[@]}" \
  --checkpoint resnet --set calibration.reconstruct=qdrop --set quant.activation.method=tqt
expect_bad 2 'weight: reconstruct: expected a method .*symmetric, affine or lsq, got dorefa' "$tiny" "${w2[@]}" \
  --checkpoint resnet --set calibration.reconstruct=gptq --set quant.weight.method=dorefa \
  --set quant.weight.granularity=per_tensor

expect_bad 2 'bias_correction: expected .*reconstruct.*--set calibration\.bias_correction=none' "$tiny" "${w2[@]}" --checkpoint resnet \
  --set calibration.reconstruct=gptq --set calibration.bias_correction=empirical
expect_bad 2 'reconstruct: expected .*gptq' "$tiny" "${w2[@]}" --checkpoint resnet --set calibration.reconstruct=gtpq
expect_bad 2 'calibration.gptq.damping: expected .*got 0' "$tiny" "${w2[@]}" --checkpoint resnet \
  --set calibration.reconstruct=gptq --set calibration.gptq.damping=0
expect_bad 2 'calibration.gptq.damp.*damping' "$tiny" "${w2[@]}" --checkpoint resnet \
  --set calibration.reconstruct=gptq --set calibration.gptq.damp=0.1

# The page of both runs shows both accuracies.
expect_success 'page.html' report float quantized -o page.html
before=$(printf '%.2f' "$(sed -n 's/^  "top1_float": \([0-9.]*\).*/\1/p' quantized/quantize.json)")
report "$(grep -q "was made of reaches $before %, so quantization costs" page.html && echo true)" \
  "expected the cost of quantization on the page, from $before %"

# What c3 reads has three magnitudes, and some thresholds of the KL search lose nothing: the largest is taken.
cat >few_values.toml <<TOML
[data]
name = "synthetic"
train_size = 256
test_size = 64
[model]
onnx = "$here/few_values.onnx"
[quant]
method = "symmetric"
bits = 8
[calibration]
batches = 1
TOML
for activations in minmax mse percentile kl; do
  rm -rf few
  expect_success '^c3 +symmetric 8 bit, channel +[0-9.]+ +symmetric 8 bit +54\.[0-9] ' quantize few_values.toml \
    --set calibration.activations=$activations --run few
done

# A second calibration would correct twice.
expect_bad 2 'quantized/last.safetensors.*already calibrated: start from.* float/last.safetensors' "$tiny" "${lsq[@]}" \
  --checkpoint quantized
expect_failure 2 'already calibrated.*float/last.safetensors' train "$tiny" "${lsq[@]}" --set train.init_from=quantized \
  --set calibration.bias_correction=empirical --run new_run
expect_absent new_run

# A run instead of a config: the command that the message names works.
expect_bad 2 'got the folder float.*quench quantize float/config\.toml --checkpoint float --set quant\.method=symmetric' float
expect_success 'top1 quantized' quantize float/config.toml --checkpoint float --set quant.method=symmetric --run of_run

expect_bad 2 'checkpoint.*--checkpoint.*init_from' "$tiny" "${lsq[@]}"
expect_bad 1 'nowhere' "$tiny" "${lsq[@]}" --checkpoint nowhere
expect_bad 2 'quantizes some layer.*none' "$tiny" --checkpoint float
expect_bad 2 'calibration\.batches.*got 0' "$tiny" "${lsq[@]}" --checkpoint float --set calibration.batches=0
expect_bad 2 'calibration\.activations.*minmax.*percentil' "$tiny" "${lsq[@]}" --checkpoint float \
  --set calibration.activations=percentil
expect_bad 2 'calibration\.bias_correction.*none.*empirical.*analytic.*got.*mean' "$tiny" "${lsq[@]}" \
  --checkpoint float --set calibration.bias_correction=mean
expect_bad 2 'calibration\.equalize.*got' "$tiny" "${lsq[@]}" --checkpoint float --set calibration.equalize=3
expect_bad 2 'calibration\.batchs.*batches' "$tiny" "${lsq[@]}" --checkpoint float --set calibration.batchs=3
expect_bad 1 'expected a checkpoint of resnet8, got one of binarynet' "$tiny" "${lsq[@]}" --checkpoint float \
  --set model='{name="resnet8"}'
expect_bad 1 'does not fit the network.*bn1' "$tiny" "${lsq[@]}" --checkpoint float --set model.width=0.125
expect_failure 1 'no training position' train --resume quantized
mkdir empty_run
expect_bad 1 'empty_run.*no last checkpoint' "$tiny" "${lsq[@]}" --checkpoint empty_run
finish
