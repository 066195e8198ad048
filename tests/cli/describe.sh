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
expect_failure 1 'missing\.toml' describe missing.toml
finish
