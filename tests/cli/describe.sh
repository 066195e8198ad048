#!/usr/bin/env bash
# describe.sh PROGRAM EXAMPLES: the table of a network's layers against published and hand-made numbers.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
examples=$(cd "$2" && pwd)
# shellcheck source=tests/cli/harness.sh
source "$here/harness.sh" "$(realpath "$1")"

# MLPerf Tiny's ResNet-8: 12.5 M multiply-accumulates. First and last layer at 8 bits, the rest at 4:
# (432 + 640) bytes and 76,288 half bytes are 38.3 KiB.
expect_success '12,501,632 multiply-accumulates' describe "$examples/resnet8_cifar10_qat.toml"
expect_success 'weights 38\.3 KiB, in fp32 302\.2 KiB' describe "$examples/resnet8_cifar10_qat.toml"
expect_success 'stack3\.conv2 .*64x64x3x3 +2,359,296 +36,864 +ab 2 bit, channel +ste 8 bit' \
  describe "$examples/resnet8_cifar10_qat.toml" --set quant.activation.method=ste --set quant.activation.bits=8 \
  --set 'quant.override=[{match="stack3.*", weight={method="ab", bits=2, granularity="per_channel"}}]'
# A sum reads two operands of stack1's 16 channels at the residual rule's 8 bits, the pool 64 of 8x8.
expect_success 'stack1\.add +16x32x32 +16x32x32 +- +- +- +- +tqt 8 bit, shared +-' \
  describe "$examples/resnet8_cifar10_qat.toml" --set quant.method=tqt --set 'quant.residual={}'
expect_success 'pool +64x8x8 +64 +- +- +- +- +affine 6 bit +-' \
  describe "$examples/resnet8_cifar10_qat.toml" --set 'quant.pool={method="affine", bits=6}'
expect_success '4 x 4: 96\.5 %  8 x 8: 3\.5 %' describe "$examples/resnet8_cifar10_qat.toml"
expect_failure 2 'konv.*layers: conv1' describe "$examples/resnet8_cifar10_qat.toml" \
  --set 'quant.override=[{match="konv*", bits=2}]'
# An image folder's classes are its folders', those of a list, or a number: only the first needs the images.
folder=("$examples/mobilenet_v1_imagenet.toml")
expect_failure 1 'data\.dir, --data-dir' describe "${folder[@]}"
expect_success '^mobilenet_v1 on imagefolder \(3 x 224 x 224, 7 classes\)$' describe "${folder[@]}" --set data.classes=7
mkdir -p photos/train/{cat,dog} photos/val
expect_success '3 x 224 x 224, 2 classes' describe "${folder[@]}" --data-dir photos
QUENCH_DATA=photos expect_success '3 x 224 x 224, 2 classes' describe "${folder[@]}"
printf '0\tn01\ta\n1\tn02\tb\n2\tn03\tc\n' >list.tsv
expect_success '3 x 224 x 224, 3 classes' describe "${folder[@]}" --set data.labels=list.tsv
expect_failure 2 'model\.name.*model\.onnx' describe "$examples/onnx_cifar10.toml"
expect_failure 2 'lsq\.bogus' describe "$examples/quickstart.toml" --set quant.lsq.bogus=1
expect_success 'in fp32 861.7 KiB \(1.0 x smaller\)' describe "$examples/quickstart.toml" --set quant.method=float
report "$([[ ! -s .stderr ]] && echo true)" "expected no note on a float network"
expect_success '.' describe "$examples/quickstart.toml" --set quant.method=none --set quant.residual.bits=8
report "$(grep -q 'quant.residual: the network has no residual sums' .stderr && grep -q 'quant.method = "float"' .stderr && echo true)" \
  "expected notes on the rules"
expect_failure 1 'missing\.toml' describe missing.toml
# A run, with or without another rule.
expect_success 'top1' train "$here/tiny.toml" --run run --set quant.method=lsq --set quant.bits=4
expect_success '^conv2 .* lsq 4 bit +lsq 4 bit' describe run
expect_success '^conv2 .* lsq 3 bit +lsq 4 bit' describe run --set quant.weight.bits=3
expect_failure 1 'run folder nowhere|cannot open nowhere' describe nowhere
finish
