#!/usr/bin/env bash
# examples.sh PROGRAM EXAMPLES: every example's network is built as its file says.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
examples=$(cd "$2" && pwd)
# shellcheck source=tests/cli/harness.sh
source "$here/harness.sh" "$(realpath "$1")"

# describe only needs the number of classes of an image folder.
mkdir -p photos/train/{cat,dog} photos/test/{cat,dog}
small=(--set data.dir=photos --set data.image_size=32)

while IFS= read -r config; do
  [[ $config == */onnx_*.toml ]] && continue  # its network is the user's: onnx.sh
  options=()
  if [[ $config == "$examples"/*/* ]] || grep -q "imagefolder\|imagenet" "$config"; then options=("${small[@]}"); fi
  expect_success 'multiply-accumulates' describe "$config" "${options[@]}"
done < <(find "$examples" -name '*.toml' | sort)

# The exceptions of the recipes: first layer, depthwise layers, last layer.
expect_recipe() { # FILE "LAYER WEIGHT INPUT"...
  local file=$1 layer weight input
  shift
  for expected in "$@"; do
    read -r layer weight input <<<"$expected"
    expect_success "^${layer//./\\.} .* ${weight/_/ }( bit(, channel)?)? +${input/_/ } bit" \
      describe "$examples/$file" "${small[@]}"
  done
}
expect_recipe mobilenet_v1/ab_4_8_channel.toml 'conv1.conv ab_8 ab_8' 'block2.dw.conv ab_8 ab_8' \
  'block2.pw.conv ab_4 ab_8' 'fc ab_4 ab_8' 'pool - ab_8'
expect_recipe mobilenet_v1/ab_4_4.toml 'conv1.conv ab_8 ab_8' 'block2.dw.conv ab_8 ab_8' 'block2.pw.conv ab_4 ab_4' \
  'fc ab_8 ab_8'
expect_recipe mobilenet_v1/tqt_retrain_4_8.toml 'conv1.conv tqt_8 tqt_8' 'block2.dw.conv tqt_4 tqt_8' 'fc tqt_8 tqt_8'
finish
