#!/usr/bin/env bash
# check.sh BUILD_FOLDER SOURCE_ROOT COMPILER...: installs BUILD_FOLDER into a temporary prefix, and compiles and runs programs
# against what lies there, with the flags of pkg-config:
#
#   tests/install/outside.cpp      single headers
#   examples/train.cpp             trains, freezes and verifies a network, with the output that README.md shows
#   examples/custom_quantizer.cpp  every command of quench, with one more method
set -euo pipefail

build=$(realpath "$1")
source_root=$(realpath "$2")
shift 2

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
export OMP_WAIT_POLICY=passive

meson install -C "$build" --no-rebuild --quiet --destdir "$stage"

config=$(find "$stage" -name quench.pc)
[[ -n $config ]] || { echo "quench.pc was not installed"; exit 1; }
# The prefix that was configured lies inside the stage for now.
prefix=$stage$(sed -n 's/^prefix=//p' "$config")
flags=$(PKG_CONFIG_PATH=$(dirname "$config") pkg-config --define-variable=prefix="$prefix" --cflags --libs quench)
echo "pkg-config: $flags"

compile() {
  # Split into words on purpose: these are flags.
  # shellcheck disable=SC2086
  "${compiler[@]}" "$source_root/$1" -o "$stage/$(basename "$1" .cpp)" $flags
}
compiler=("$@")
cd "$stage"

# expect REGEX COMMAND...: the command succeeds, and a line of what it prints matches.
expect() {
  local regex=$1 printed
  shift
  printed=$("$@") || { printf '%s\nfailed: %s\n' "$printed" "$*"; exit 1; }
  grep -qE "$regex" <<<"$printed" || { printf '%s\n%s: expected a line with: %s\n' "$printed" "$*" "$regex"; exit 1; }
}

compile tests/install/outside.cpp
expect '^12$' ./outside  # d(x * x * x)/dx at 2

compile examples/train.cpp
expect '^0 of [0-9]+ integers and logits differ$' ./train
compile examples/custom_quantizer.cpp
expect '^sigma +symmetric grid' ./custom_quantizer list quantizers
expect '^  top1 quantized' ./custom_quantizer train "$source_root/tests/cli/tiny.toml" --run sigma \
  --set quant.method=sigma --set quant.bits=4

# A benchmark of the installed program, on random weights.
expect 'conv1' "$prefix/bin/quench" bench net --model binarynet --width 0.0625 --image-size 32 --seconds 0.01

# README.md shows the program as it is, without its first comment.
diff <(sed '1,/^$/d' "$source_root/examples/train.cpp") \
  <(awk '/^```cpp$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$source_root/README.md") ||
  { echo "README.md shows another examples/train.cpp"; exit 1; }
