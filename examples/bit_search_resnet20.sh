#!/usr/bin/env bash
# bit_search_resnet20.sh DATA WEIGHTS [WORK]: prints tables of ResNet-20 on CIFAR-10 with bits searched per layer, next to the uniform
# networks of the same size.
#   DATA     holds cifar-10-batches-bin
#   WEIGHTS  resnet20_cifar10.safetensors of akamaster/pytorch_resnet_cifar10
#   WORK     (default runs/bit_search) keeps the run folders; existing ones are not run again
# Sensitivities and ranges come from the first 512 training images. Three orders of the five files of training images give three such
# sets, which stand for seeds. $QUENCH is the program (default ./quench), MEASURES the sensitivities to compare (default kl).
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

search() { # SET MEASURE CODES BUDGET: a run folder with search.json
  local folder=$work/$3-$2-$1
  if [[ ! -e $folder ]]; then
    "$quench" search "$examples/resnet20_cifar10_reconstruct.toml" --checkpoint "$work/resnet20" --run "$folder" \
      --data-dir "$work/data-$1" --budget "$4" --options 2,3,4,5,6,8 --sensitivity "$2" --verify \
      --set calibration.batches=2 --set calibration.weights=mse --set "calibration.reconstruct=$3" >"$folder.log"
  elif [[ ! -e $folder/$4.json ]]; then
    "$quench" search --resume "$folder" --budget "$4" --data-dir "$work/data-$1" >>"$folder.log"
  fi
  [[ -e $folder/$4.json ]] || cp "$folder/search.json" "$folder/$4.json"
}

for codes in none gptq; do
  for measure in "${measures[@]}"; do
    for set in 1 2 3; do
      for budget in size=uniform:4 size=uniform:3; do search "$set" "$measure" "$codes" "$budget"; done
    done
  done
done
python3 - "$work" "${measures[@]}" <<'EOF'
import json, statistics, sys
work, measures = sys.argv[1], sys.argv[2:]
print("| size of | codes | sensitivity | uniform | searched | difference, each set |")
print("|---|---|---|---|---|---|")
for bits in (4, 3):
    for codes, name in (("none", "nearest"), ("gptq", "GPTQ")):
        for measure in measures:
            runs = [json.load(open(f"{work}/{codes}-{measure}-{k}/size=uniform:{bits}.json")) for k in (1, 2, 3)]
            uniform = [next(u["top1"] for u in r["uniform"] if u["option"] == bits) for r in runs]
            chosen = [r["chosen"]["top1"] for r in runs]
            spread = lambda v: f"{statistics.mean(v):.2f} ± {statistics.stdev(v):.2f}"
            each = ", ".join(f"{c - u:+.2f}" for c, u in zip(chosen, uniform))
            print(f"| {bits} bits | {name} | {measure} | {spread(uniform)} | {spread(chosen)} | {each} |")
EOF
