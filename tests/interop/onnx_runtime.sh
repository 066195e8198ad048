#!/usr/bin/env bash
# onnx_runtime.sh ONNX_CASES BUILD: networks exported to ONNX give quench's classes and logits in ONNX Runtime.
# $ORT_DIR (default BUILD/peers) holds the npm package onnxruntime-node, and is installed there if npm is available.
set -euo pipefail

cases=$1
ort=${ORT_DIR:-$2/peers}
here=$(cd "$(dirname "$0")" && pwd)
skip() { echo "skipped: $*"; exit 77; }

command -v node >/dev/null || skip "no node here"
if [[ ! -d $ort/node_modules/onnxruntime-node ]]; then
  command -v npm >/dev/null || skip "no npm here to install onnxruntime-node with"
  npm install --prefix "$ort" --ignore-scripts --no-audit --no-fund onnxruntime-node@1.30.0 || skip "no onnxruntime-node"
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$cases" "$folder"
NODE_PATH=$ort/node_modules node "$here/onnx_runtime.js" "$folder"
