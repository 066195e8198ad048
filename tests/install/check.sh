#!/usr/bin/env bash
# check.sh BUILD_FOLDER SOURCE COMPILER...: installs BUILD_FOLDER into a temporary prefix, compiles SOURCE with
# the flags of pkg-config there, runs it, and checks its output.
set -euo pipefail

build=$1
source=$2
shift 2

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT

meson install -C "$build" --no-rebuild --quiet --destdir "$stage"

config=$(find "$stage" -name quench.pc)
[[ -n $config ]] || { echo "quench.pc was not installed"; exit 1; }
# The configured prefix is inside the staging folder for now.
prefix=$(sed -n 's/^prefix=//p' "$config")
flags=$(PKG_CONFIG_PATH=$(dirname "$config") \
  pkg-config --define-variable=prefix="$stage$prefix" --cflags --libs quench)
echo "pkg-config: $flags"

# Split into words on purpose: these are flags.
# shellcheck disable=SC2086
"$@" "$source" -o "$stage/outside" $flags
printed=$("$stage/outside")
echo "printed: $printed"
[[ $printed == 12 ]]  # d(x * x * x)/dx at 2
