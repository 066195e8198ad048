#!/usr/bin/env bash
# deploy.sh PROGRAM FOLDER_OF_TINY_TOML: a run's integers as a file, for eval and predict.
set -uo pipefail

here=$(cd "$2" && pwd)
# shellcheck source=tests/cli/harness.sh
source "$here/harness.sh" "$(realpath "$1")"
tiny=$here/tiny.toml
image8=(--set 'quant.first_layer={activation={method="affine",bits=8}}')
binary=(--set quant.method=ste --set quant.weight.bits=1 --set quant.activation.bits=1)

# value KEY: of the JSON that was printed last.
value() { sed -n "s/^  \"$1\": \(.*[^,]\),\{0,1\}$/\1/p" .stdout; }

# A 2x2 BMP, blue.
{
  printf 'BM\106\0\0\0\0\0\0\0\066\0\0\0\050\0\0\0\002\0\0\0\002\0\0\0\001\0\030\0'
  printf '\0%.0s' {1..24}
  printf '\377\0\0\377\0\0\0\0\377\0\0\377\0\0\0\0'
} >blue.bmp

# expect_same_accuracy RUN MODEL: quantized, on the test set.
expect_same_accuracy() {
  local run=$1 model=$2 expected
  expect_success '"top1_quantized"' eval "$run" --json
  expected=$(value top1_quantized)
  expect_success '"top1_quantized"' eval "$model" --json
  report "$([[ -n $expected && $expected == "$(value top1_quantized)" ]] && echo true)" \
    "expected $model to have the accuracy of $run, $expected"
}

# predictions MODEL: of the image, without the file's name.
predictions() { "$program" predict "$1" blue.bmp --json --top 10 | grep -v '"file"'; }

# More images than tiny.toml has, so that a single different logit would show.
larger=(--set data.test_size=500 --set data.train_size=512)
expect_success 'top1 quantized' train "$tiny" --run binary "${binary[@]}" "${image8[@]}" "${larger[@]}"
expect_success '^conv2 +convolution +8x16x16 +1 +8x8x3x3 +1 +0\.1 ' deploy binary -o binary.qnc
report "$(grep -q '^weights 6.8 KiB, in fp32 217.1 KiB (32.0 x smaller)$' .stdout && echo true)" "expected sizes"
expect_same_accuracy binary binary.qnc
report "$([[ $(predictions binary) == "$(predictions binary.qnc)" ]] && echo true)" "expected the same predictions"
expect_success '^binary.qnc: 500 test images of synthetic$' eval binary.qnc
expect_success '^evaluation: 0 differ$' verify binary binary.qnc --images 100
expect_success '500 test images: top1 .* with saturating kernels' deploy binary -o again.qnc --emulate-saturation
report "$(cmp -s binary.qnc again.qnc && echo true)" "expected the same file again"
expect_success '%  ' predict binary.qnc blue.bmp --top 1

# Without floats: 1-bit layers compare; the logits are integers.
expect_success '^without floats: [0-9]+ channels, all exact: 0 by a multiplier, 0 by a shift, 0 constant, [0-9]+ by thresholds .0 with no exact line.$' \
  deploy binary -o again.qnc --integer-only binary.json
for field in '"bytes": ' '"form": "thresholds"' '"scores": ' '"name": "conv2"'; do
  report "$(grep -q "$field" binary.json && echo true)" "expected $field in binary.json"
done
report "$(! grep -q '"exact": false' binary.json && echo true)" "expected thresholds alone"

# Alpha-blending: eval re-estimates batch norm, so deploy does.
expect_success 'top1 quantized' train "$tiny" --run ab --set quant.method=ab "${image8[@]}" "${larger[@]}" \
  --set quant.weight.bits=4 --set quant.activation.bits=8 --set train.bn_batches=4
expect_success '^batch norm re-estimated on 4 batches' deploy ab -o ab.qnc --checkpoint best --integer-only ab.json
report "$(grep -Eq '^without floats: .* all exact: [1-9][0-9]* by a multiplier' .stdout && echo true)" "expected multipliers"
report "$(grep -q '"form": "multiplier"' ab.json && echo true)" "expected multipliers in ab.json"
expect_success '"top1_quantized"' eval ab --json --checkpoint best
expected=$(value top1_quantized)
expect_success '"top1_quantized"' eval ab.qnc --json
report "$([[ $expected == "$(value top1_quantized)" ]] && echo true)" "expected the accuracy of ab/best, $expected"

# The model of another run: verify says so and fails.
"$program" verify ab binary.qnc --images 10 >.stdout 2>.stderr
report "$([[ $? == 1 ]] && grep -q '^evaluation: differs, first in the input of conv2' .stdout && echo true)" \
  "expected verify to find a difference"

# A run without an integer form: the message names the slot and the remedy.
expect_success 'top1 quantized' train "$tiny" --run real "${binary[@]}" \
  --set 'quant.first_layer={activation={method="none"}}'
expect_failure 2 'conv1 reads float32 values.*"none".*first_layer = ' deploy real -o real.qnc
expect_absent real.qnc
expect_failure 1 'nowhere does not exist' deploy nowhere -o nowhere.qnc
expect_failure 2 'output.*required' deploy binary
expect_failure 1 'cannot write no/such/folder.qnc' deploy binary -o no/such/folder.qnc
expect_failure 1 'cannot write no/such/table.json' deploy binary -o again.qnc --integer-only no/such/table.json

expect_failure 1 'classes.txt: not a quench model file' eval binary/classes.txt
expect_failure 1 'config.toml: not a quench model file' predict binary/config.toml blue.bmp
head -c 5000 binary.qnc >short.qnc
expect_failure 1 'short.qnc: damaged: expected a file of [0-9]+ bytes, got 5000' eval short.qnc
{ head -c 5000 binary.qnc; printf '?'; tail -c +5002 binary.qnc; } >changed.qnc
expect_failure 1 'changed.qnc: damaged: expected checksum' predict changed.qnc blue.bmp
{ head -c 8 binary.qnc; printf '\002'; tail -c +10 binary.qnc; } >newer.qnc
expect_failure 1 'newer.qnc: expected a model file of version 1, got 2, written by a newer quench' eval newer.qnc
expect_failure 1 'none.bmp' predict binary.qnc none.bmp
# Steps that diverged to their floor: training says since when, and so does deploy.
expect_success 'top1 quantized' train "$tiny" --run diverged --set quant.method=lsq --set quant.bits=8 \
  --set optimizer.lr=0.3 --set train.epochs=2 "${larger[@]}"
since='^WARNING: lsq: scale at its floor in [0-9]+ slots since epoch [12], step [0-9]+.*: .*conv2.weight'
report "$(grep -Eq "$since" "$work/.stderr" && echo true)" "expected training to say so"
expect_success '^weights ' deploy diverged -o diverged.qnc
report "$(grep -Eq "$since" "$work/.stderr" && echo true)" "expected deploy to say so"

finish
