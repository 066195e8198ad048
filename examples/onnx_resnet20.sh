#!/usr/bin/env bash
# onnx_resnet20.sh WEIGHTS.safetensors DATA [FOLDER]: takes a PyTorch network from its ONNX file to 8-bit integers and back to
# ONNX, without training, with alpha-blending and with trained thresholds. Makes examples/results/onnx_resnet20.md. Takes less
# than an hour on 2 cores.
set -euo pipefail

weights=$(realpath "$1")
data=$(realpath "$2")
folder=${3:-runs/onnx_resnet20}
here=$(cd "$(dirname "$0")" && pwd)
quench=$here/../quench
mkdir -p "$folder"
/usr/bin/python3 "$here/export_resnet20.py" "$weights" "$folder/resnet20.onnx"

own=("$here/onnx_cifar10.toml" --set "model.onnx=$folder/resnet20.onnx" --data-dir "$data")
"$quench" quantize "${own[@]}" --set quant.method=symmetric --run "$folder/ptq"
for method in ab tqt; do
  "$quench" train "${own[@]}" --set quant.method="$method" --run "$folder/$method"
done
for run in ptq ab tqt; do
  "$quench" eval "$folder/$run" --data-dir "$data"
  "$quench" deploy "$folder/$run" -o "$folder/$run.qnc"
  "$quench" verify "$folder/$run" "$folder/$run.qnc" --data-dir "$data"
  "$quench" export "$folder/$run" -o "$folder/$run.onnx" --pixels
done
