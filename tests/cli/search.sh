#!/usr/bin/env bash
# search.sh PROGRAM FOLDER_OF_TINY_TOML: bits of each layer of a trained network, within a budget.
set -uo pipefail

here=$(cd "$2" && pwd)
# shellcheck source=tests/cli/harness.sh
source "$here/harness.sh" "$(realpath "$1")"
tiny=$here/tiny.toml
net=(--set 'model={name="resnet8", width=0.25}')
quant=(--set 'quant={method="symmetric",granularity="per_channel",first_layer={bits=8},last_layer={bits=8},residual={bits=8},pool={bits=8}}')
brief=(--options 2,4,8 --images 16)

# expect_bad STATUS REGEX ARGS...: fails before it has made a run folder.
expect_bad() {
  local wanted=$1 regex=$2
  shift 2
  expect_failure "$wanted" "$regex" search "$@" --run new_run
  expect_absent new_run
}

expect_success 'top1 float' train "$tiny" "${net[@]}" --run float
start=("$tiny" "${net[@]}" "${quant[@]}" --checkpoint float)
search=("${start[@]}" "${brief[@]}")

# A table of layers, the chosen network, the front; the config has the bits.
expect_success '^conv1 .* 8, fixed$' search "${search[@]}" --budget mean_bits=3.5 --verify --run found
report "$(grep -qE '^same bits: stack2.conv1, stack2.conv2, stack2.shortcut$' .stdout && echo true)" "expected the tied layers"
report "$(grep -qE '^  budget +mean_bits 3.50 bits, chosen [23]\.[0-9]+ bits$' .stdout && echo true)" "expected a choice within the budget"
report "$(grep -qE '^uniform 4 ' .stdout && echo true)" "expected the uniform networks"
for file in sensitivity.json front.csv chosen.toml search.json config.toml; do
  report "$([[ -s found/$file ]] && echo true)" "expected found/$file"
done

# It is a config as any other: it is quantized to what the search verified, trains, deploys, verifies and compares.
found=$(sed -n 's/^  top1 .*chosen \([0-9.]*\) %.*/\1/p' .stdout)
expect_success "top1 quantized +$found %" quantize found/chosen.toml --run quantized
expect_success '.' deploy quantized -o model.qnc
expect_success 'evaluation: 0 differ' verify quantized model.qnc
expect_success 'top1 quantized' train found/chosen.toml --run trained
expect_success '.' deploy trained -o trained.qnc
expect_success 'evaluation: 0 differ' verify trained trained.qnc
expect_success '.' compare found/chosen.toml --vary quant.method=symmetric,lsq --seeds 1 --run compared

# Another budget takes the values that are there; so does a search that was killed, to the same bits.
cp found/sensitivity.json kept.json
expect_success 'size .* KiB, chosen' search --resume found --budget size=uniform:4
report "$(cmp -s kept.json found/sensitivity.json && echo true)" "expected the same sensitivities"
"$program" search "${search[@]}" --budget mean_bits=3.5 --verify --run killed >/dev/null 2>&1 </dev/null &
pid=$!
until [[ -e killed/sensitivity.json || ! -d /proc/$pid ]]; do sleep 0.01; done
{ kill -9 $pid; wait $pid; } 2>/dev/null
report "$([[ ! -e killed/chosen.toml ]] && echo true)" "expected to be killed before the end"
expect_success 'mean_bits 3.50 bits, chosen' search --resume killed
report "$(diff <(grep -v '"config"' kept.json) <(grep -v '"config"' killed/sensitivity.json) >/dev/null && echo true)" \
  "expected the sensitivities of a search that nobody killed"

# Other measures, bits of both, JSON, points of the front.
expect_success '"chosen"' search "${search[@]}" --budget bops=uniform:4 --what both --sensitivity loss --verify-points 3 --json --run both
report "$(grep -q '"measured_sensitivity"' .stdout && echo true)" "expected what was measured"
expect_success 'sensitivity sqnr' search "${search[@]}" --budget size=uniform:4 --sensitivity sqnr --run sqnr

# Latency: measured here, then from a table.
expect_success 'latency .* ms, chosen' search "${search[@]}" --budget latency=uniform:8 --run latency
expect_success 'latency .* ms, chosen' search "${search[@]}" --budget latency=uniform:8 --latency-table latency/latency.csv --run table
grep -v '^stack1.conv1,4' latency/latency.csv >missing.csv
expect_bad 2 'missing.csv: .*none for stack1.conv1 at 4' "${search[@]}" --budget latency=1s --latency-table missing.csv
sed 's/^stack1.conv1,4,.*/stack1.conv1,4,soon/' latency/latency.csv >word.csv
expect_bad 2 'word.csv:[0-9]+: expected .*milliseconds.*stack1.conv1,4,soon' "${search[@]}" --budget latency=1s --latency-table word.csv
expect_bad 1 'nowhere.csv' "${search[@]}" --budget latency=1s --latency-table nowhere.csv

expect_bad 2 'expected --budget size=' "${search[@]}"
expect_bad 2 '--budget: expected size=.*mean_bits=4.*got .size=4 potatoes' "${search[@]}" --budget 'size=4 potatoes'
expect_bad 2 '--budget: expected size of at least [0-9.]+ KiB, the least of any choice, got 0.1 KiB' "${search[@]}" --budget size=100B
expect_bad 2 '--budget: expected latency of at least .* ms' "${search[@]}" --budget latency=1us --latency-table latency/latency.csv
expect_bad 2 'sensitivity.*kl' "${search[@]}" --budget mean_bits=4 --sensitivity entropy
expect_bad 2 '--options: expected bits in 1..8.*got .2,nine' "${start[@]}" --budget mean_bits=4 --options 2,nine
expect_bad 2 '--options: expected at least 2' "${start[@]}" --budget mean_bits=4 --options 4
expect_bad 2 '--options: expected bits that some layer supports, got 1' "${start[@]}" --budget mean_bits=4 --options 1,4 --set quant.method=lsq
expect_bad 2 'images.*from 1' "${start[@]}" --budget mean_bits=4 --images 0
expect_bad 2 'hessian, which measures weights' "${search[@]}" --budget bops=1G --what both --sensitivity hessian
expect_bad 2 'checkpoint.*init_from' "$tiny" "${net[@]}" "${quant[@]}" --budget mean_bits=4
expect_bad 2 'bits follow quant.weight.bits' "$tiny" "${net[@]}" --checkpoint float --budget mean_bits=4
expect_bad 2 'already calibrated' "$tiny" "${net[@]}" "${quant[@]}" --checkpoint quantized --budget mean_bits=4
expect_failure 2 'takes no config' search --resume found --set train.seed=2
expect_failure 1 'folder of a search' search --resume float
finish
