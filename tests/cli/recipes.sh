#!/usr/bin/env bash
# recipes.sh PROGRAM EXAMPLES: quench list recipes and quench cp show and copy the configs that come with the program.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
examples=$(cd "$2" && pwd)
# shellcheck source=tests/cli/harness.sh
source "$here/harness.sh" "$(realpath "$1")"

expect_success '^quickstart +A 1-bit network.*drawn shapes +98' list recipes
names=$(awk 'NR > 2 { print $1 }' .stdout | sort)
files=$(cd "$examples" && find . -name '*.toml' | sed 's,^\./,,; s,\.toml$,,' | sort)
report "$([[ $names == "$files" ]] && echo true)" "expected every config of $examples"
report "$(! awk 'NR > 2 && NF < 3' .stdout | grep -q . && echo true)" "expected a summary of each"

# Each copy comes with what it extends, as it lies in the examples.
for name in $names; do
  rm -rf copy
  expect_success "^copy/$name\\.toml$" cp "$name" copy
  while IFS= read -r file; do
    report "$(cmp -s "copy/$file" "$examples/$file" && echo true)" "expected $file to be a copy"
  done < <(cd copy && find . -type f)
done
# Where they lie together, they share what they extend.
for name in quantize_quickstart resnet20_cifar10_qat mobilenet_v1/ab_4_8_channel mobilenet_v1/ab_4_4; do
  expect_success "^copies/$name\\.toml$" cp "$name" copies
done
mkdir -p photos/train/{cat,dog} photos/val
expect_success 'multiply-accumulates' describe copies/quantize_quickstart.toml
expect_success 'multiply-accumulates' describe copies/resnet20_cifar10_qat.toml
expect_success 'multiply-accumulates' describe copies/mobilenet_v1/ab_4_8_channel.toml --set data.dir=photos --set data.image_size=32

expect_success '^quickstart\.toml$' cp quickstart
expect_failure 2 'quickstart\.toml exists.*another folder' cp quickstart
# What it extends is there already, and is the same.
expect_success '^quantize_quickstart\.toml$' cp quantize_quickstart
echo '# mine' >>quickstart.toml
rm quantize_quickstart.toml
expect_failure 2 'quickstart\.toml exists' cp quantize_quickstart
expect_absent quantize_quickstart.toml
expect_failure 2 "unknown recipe 'quikstart'.*quickstart" cp quikstart
expect_failure 2 'expected a folder.*quickstart\.toml' cp resnet8_cifar10 quickstart.toml
finish
