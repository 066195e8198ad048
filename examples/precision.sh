#!/usr/bin/env bash
# precision.sh DATA WEIGHTS [WORK]: trains ResNet-20 (LSQ, 4 bits) and BinaryNet 0.25 (STE, 1 bit) on CIFAR-10 with float forward
# products, with integer ones, and with integer ones and gradients in bfloat16, and prints the paired differences.
#   DATA     holds cifar-10-batches-bin
#   WEIGHTS  resnet20_cifar10.safetensors of akamaster/pytorch_resnet_cifar10
#   WORK     (default runs/precision) keeps the run folders; an interrupted run resumes
# $QUENCH is the program (default ./quench), SEEDS the seeds (default 0..2). Each run takes one thread.
set -euo pipefail

data=$(realpath "$1")
weights=$(realpath "$2")
work=${3:-runs/precision}
examples=$(cd "$(dirname "$0")" && pwd)
quench=${QUENCH:-./quench}
mkdir -p "$work"

if [[ ! -e $work/resnet20 ]]; then
  "$quench" import "$weights" --config "$examples/resnet20_cifar10.toml" --data-dir "$data" --run "$work/resnet20"
fi

compared() { # FOLDER CONFIG ARGS...
  local folder=$1 config=$2
  shift 2
  "$quench" compare "$examples/$config" --run "$folder" --seeds "${SEEDS:-0..2}" --set data.dir="$data" --set train.threads=1 \
    --variant "float: train.forward=float" --variant "integer: train.forward=integer" \
    --variant "bfloat16: train.precision=bfloat16" "$@"
}

compared "$work/resnet20_lsq" resnet20_cifar10_qat.toml --set train.init_from="$work/resnet20/last.safetensors"
compared "$work/binarynet_ste" binarynet_cifar10.toml --set train.epochs=3
