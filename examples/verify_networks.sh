#!/usr/bin/env bash
# verify_networks.sh CIFAR10 IMAGES RUNS [WORK]: deploys networks, compares every integer with evaluation in
# training, and prints a table.
#   CIFAR10  the folder with the binary version
#   IMAGES   a folder per class, with a labels.tsv
#   RUNS     holds the float runs resnet20, mobilenet_v1, mobilenet_v2 and the 1-bit runs binarynet-METHOD
#   WORK     (default runs/verify) keeps the results; existing ones are not recomputed
# Each method quantizes each network after training, at 8-8, 4-8 and 4-4 bits. $QUENCH is the program
# (default ./quench); $CELLS is a pattern of the cells to run (default *).
set -euo pipefail

cifar=$(realpath "$1")
images=$(realpath "$2")
runs=$(realpath "$3")
work=${4:-runs/verify}
examples=$(cd "$(dirname "$0")" && pwd)
quench=${QUENCH:-./quench}
mkdir -p "$work"
work=$(realpath "$work")

# shellcheck source=examples/picture_folder.sh
source "$examples/picture_folder.sh"
picture_folder "$images" "$work"

verify() { # CELL RUN [DATA OPTIONS]: deploys a run and compares it with evaluation
  local cell=$1 run=$2
  shift 2
  "$quench" deploy "$run" -o "$work/$cell.qnc" "$@" >"$work/$cell.deploy"
  "$quench" verify "$run" "$work/$cell.qnc" --data-dir "${data_dir:?}" --json >"$work/$cell.json.new" ||
    [[ -s $work/$cell.json.new ]] # differences go to the table; only errors fail
  mv "$work/$cell.json.new" "$work/$cell.json"
}

quantized() { # CELL NETWORK METHOD WEIGHTS ACTIVATIONS CONFIG OPTIONS...
  local cell=$1 network=$2 method=$3 weights=$4 activations=$5 config=$6
  shift 6
  rm -rf "${work:?}/$cell"
  "$quench" quantize "$examples/$config" --checkpoint "$runs/$network" --run "$work/$cell" "$@" \
    --set "quant.method=\"$method\"" --set "quant.weight={bits=$weights}" --set "quant.activation={bits=$activations}" \
    --set "quant.first_layer={bits=8}" --set "quant.last_layer={bits=8}" --set "quant.depthwise={weight={bits=8}}" \
    --set "quant.residual={bits=8}" --set "quant.pool={bits=8}" >"$work/$cell.quantize"
  verify "$cell" "$work/$cell" --data-dir "$data_dir"
}

row() { # CELL NETWORK METHOD BITS
  [[ -e $work/$1.json ]] || return 0
  python3 - "$work/$1.json" "$2" "$3" "$4" <<'PYTHON'
import json, sys
result = json.load(open(sys.argv[1]))
compared = sum(value["compared"] for value in result["values"])
different = sum(value["different"] for value in result["values"])
top1 = 100 * result["correct"] / result["images"]
print(f"| {sys.argv[2]} | {sys.argv[3]} | {sys.argv[4]} | {result['images']} | {top1:.2f} | {compared:,} | {different} | "
      f"{result['interpreter_bytes_different']} of {result['interpreted']} images |")
PYTHON
}

run_cell() { # CELL COMMAND...: runs COMMAND unless the result exists or $CELLS excludes it
  local cell=$1
  shift
  # shellcheck disable=SC2053
  if [[ -e $work/$cell.json || $cell != ${CELLS:-*} ]]; then return 0; fi
  echo "$cell" >&2
  "$@"
}

echo "| network | method | weights-activations | images | top1 % | integers and logits compared | different | bytes off the reference interpreter |"
echo "|---|---|---|---|---|---|---|---|"
data_dir=$cifar
for run in "$runs"/binarynet-*; do
  method=${run##*-}
  run_cell "binarynet-$method" verify "binarynet-$method" "$run" --data-dir "$data_dir"
  row "binarynet-$method" BinaryNet "$method" 1-1
done
for network in resnet20 mobilenet_v1 mobilenet_v2; do
  for method in ab ste tqt lsq; do
    for bits in "8 8" "4 8" "4 4"; do
      read -r weights activations <<<"$bits"
      cell=$network-$method-$weights-$activations
      if [[ $network == resnet20 ]]; then
        data_dir=$cifar
        run_cell "$cell" quantized "$cell" "$network" "$method" "$weights" "$activations" resnet20_cifar10_qat.toml \
          --data-dir "$cifar"
      else
        data_dir=$images
        width=$(sed -n 's/^width = //p' "$runs/$network/config.toml")
        run_cell "$cell" quantized "$cell" "$network" "$method" "$weights" "$activations" "$network/ptq_channel.toml" \
          "${folders[@]}" --set "model.width=$width" --set calibration.weights=mse --set calibration.activations=mse
      fi
      row "$cell" "$network" "$method" "$weights-$activations"
    done
  done
done
