#!/usr/bin/env bash
# bit_search_resnet20.sh DATA WEIGHTS [WORK]: prints tables of ResNet-20 on CIFAR-10 with bits searched per layer, next to the uniform
# networks of the same size.
#   DATA     holds cifar-10-batches-bin
#   WEIGHTS  resnet20_cifar10.safetensors of akamaster/pytorch_resnet_cifar10
#   WORK     (default runs/bit_search) keeps the run folders; existing ones are not run again
# Sensitivities and ranges come from the first 512 training images. Three orders of the five files of training images give three
# such sets. $QUENCH is the program (default ./quench),
# MEASURES the sensitivities to compare (default kl). With GPTQ=1, both networks are also quantized with GPTQ's codes.
set -euo pipefail

data=$(realpath "$1")
weights=$(realpath "$2")
work=${3:-runs/bit_search}
examples=$(cd "$(dirname "$0")" && pwd)
quench=${QUENCH:-./quench}
read -ra measures <<<"${MEASURES:-kl}"
mkdir -p "$work"
work=$(realpath "$work")

for set in 1 2 3; do
  folder=$work/data-$set/cifar-10-batches-bin
  mkdir -p "$folder"
  for file in "$data"/cifar-10-batches-bin/*; do ln -sf "$file" "$folder"; done
  for k in 1 2 3 4 5; do
    ln -sf "$data/cifar-10-batches-bin/data_batch_$(((k + set - 2) % 5 + 1)).bin" "$folder/data_batch_$k.bin"
  done
done
if [[ ! -e $work/resnet20 ]]; then
  "$quench" import "$weights" --config "$examples/resnet20_cifar10.toml" --data-dir "$data" --run "$work/resnet20"
fi

quantized() { # FOLDER CONFIG ARGS...: top1 in FOLDER/quantize.json
  local folder=$1 config=$2
  shift 2
  [[ -e $folder/quantize.json ]] && return
  rm -rf "$folder"
  "$quench" quantize "$config" --run "$folder" "$@" >"$folder.log"
}

search() { # SET MEASURE BITS: within the size of the uniform network; then both networks with GPTQ's codes
  local folder=$work/$2-$1 budget=size=uniform:$3 data=(--data-dir "$work/data-$1")
  local gptq=(--set calibration.reconstruct=gptq)
  if [[ ! -e $folder ]]; then
    "$quench" search "$config" --checkpoint "$work/resnet20" --run "$folder" "${data[@]}" --budget "$budget" \
      --options 2,3,4,5,6,8 --sensitivity "$2" --verify "${ranges[@]}" >"$folder.log"
  elif [[ ! -e $folder/found-$3.json ]]; then
    "$quench" search --resume "$folder" --budget "$budget" "${data[@]}" >>"$folder.log"
  fi
  if [[ ! -e $folder/found-$3.json ]]; then
    cp "$folder/chosen.toml" "$folder/chosen-$3.toml"
    cp "$folder/search.json" "$folder/found-$3.json"
  fi
  if [[ -n ${GPTQ:-} ]]; then
    quantized "$work/gptq-$2-$1-$3" "$folder/chosen-$3.toml" "${gptq[@]}"
    quantized "$work/gptq-uniform-$1-$3" "$config" --checkpoint "$work/resnet20" "${data[@]}" "${ranges[@]}" "${gptq[@]}" \
      --set "quant.weight.bits=$3"
  fi
}

config=$examples/resnet20_cifar10_reconstruct.toml
ranges=(--set calibration.batches=2 --set calibration.weights=mse --set calibration.reconstruct=none)
for k in 1 2 3; do
  for measure in "${measures[@]}"; do
    for bits in 3 4; do search "$k" "$measure" "$bits"; done
  done
done
python3 - "$work" "${measures[@]}" <<'EOF'
import json, os, statistics, sys
work, measures = sys.argv[1], sys.argv[2:]
load = lambda path: json.load(open(path))
spread = lambda v: f"{statistics.mean(v):.2f} ± {statistics.stdev(v):.2f}"
print("| size of | codes | sensitivity | uniform | searched | difference, each set |")
print("|---|---|---|---|---|---|")
def row(bits, codes, measure, uniform, chosen):
    each = ", ".join(f"{c - u:+.2f}" for c, u in zip(chosen, uniform))
    print(f"| {bits} bits | {codes} | {measure} | {spread(uniform)} | {spread(chosen)} | {each} |")
for bits in (4, 3):
    for measure in measures:
        runs = [load(f"{work}/{measure}-{k}/found-{bits}.json") for k in (1, 2, 3)]
        uniform = [next(u["top1"] for u in r["uniform"] if u["option"] == bits) for r in runs]
        row(bits, "nearest", measure, uniform, [r["chosen"]["top1"] for r in runs])
        if os.path.exists(f"{work}/gptq-{measure}-3-{bits}/quantize.json"):
            top1 = lambda name: [load(f"{work}/gptq-{name}-{k}-{bits}/quantize.json")["top1_quantized"] for k in (1, 2, 3)]
            row(bits, "GPTQ", measure, top1("uniform"), top1(measure))
EOF
