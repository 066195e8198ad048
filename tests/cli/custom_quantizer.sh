#!/usr/bin/env bash
# custom_quantizer.sh PROGRAM FOLDER_OF_TINY_TOML: a program that registers its own method has it in every command.
set -uo pipefail

here=$(cd "$2" && pwd)
# shellcheck source=tests/cli/harness.sh
source "$here/harness.sh" "$(realpath "$1")"
tiny=$here/tiny.toml
sigma=(--set quant.method=sigma --set quant.bits=4 --set quant.sigma.sigmas=2.5)

expect_success '^sigma +symmetric grid over three' list quantizers
expect_success '^  sigmas = 3\.0$' list config quant.sigma
expect_success 'gradients match the stated estimator +14 +ok' check-quantizer sigma
expect_success 'conv1 .*sigma 4 bit +sigma 4 bit' describe "$tiny" "${sigma[@]}"
expect_success 'top1 quantized' train "$tiny" "${sigma[@]}" --run sigma
expect_success 'top1 quantized' eval sigma
expect_failure 2 'sigma: expected bits in 2\.\.8 for (activations|weights), got 1' \
  train "$tiny" --set quant.method=sigma --set quant.bits=1 --run one
expect_failure 2 'sigma.*granularity per_tensor' \
  train "$tiny" --set quant.method=sigma --set quant.granularity=per_channel --run one
expect_failure 2 'quant\.sigma\.sigmas.*got -1' train "$tiny" "${sigma[@]}" --set quant.sigma.sigmas=-1 --run one
expect_absent one
finish
