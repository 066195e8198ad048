#!/usr/bin/env bash
# Compares the latency of whole networks at batch 1: quench's integer networks (8-8 and 4-8 bits;
# 1-1 for BinaryNet) and fp32 networks with ONNX Runtime's fp32 and int8, alternating between them.
#
#   bench/compare_onnxruntime.sh [ROUNDS [MODEL...]]     (default 5 rounds of all models; 4 minutes on an idle 2-core machine)
#
# Needs node with the npm package onnxruntime-node in $ORT_DIR (default: build/peers, installed there if npm is
# available) and Debian's python3-onnx for the models. Environment: THREADS (default: all cores), QUENCH (program), PEER_PYTHON.
set -euo pipefail
cd "$(dirname "$0")/.."

program=${QUENCH:-build/cli/quench}
python=${PEER_PYTHON:-/usr/bin/python3}
export ORT_DIR=${ORT_DIR:-build/peers}
[ -x "$program" ] || { echo "compare_onnxruntime: $program does not exist; build first (./quench list)" >&2; exit 1; }
"$python" -c 'import onnx' 2>/dev/null || {
  echo "compare_onnxruntime: $python has no onnx; apt-get install python3-onnx" >&2
  exit 1
}
if [ ! -d "$ORT_DIR/node_modules/onnxruntime-node" ]; then
  mkdir -p "$ORT_DIR"
  npm install --prefix "$ORT_DIR" --ignore-scripts --no-audit --no-fund onnxruntime-node@1.30.0
fi
grep -m1 'model name' /proc/cpuinfo
exec "$python" bench/compare_onnxruntime.py "$program" "${1:-5}" "${THREADS:-$(nproc)}" "${@:2}"
