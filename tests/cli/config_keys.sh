#!/usr/bin/env bash
# config_keys.sh PROGRAM SOURCE_ROOT: `quench list config` has every key that some reader reads, with its meaning, and the docs name
# no others. docs/config_reference.md holds its output (tables.sh).
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
source_root=$(cd "$2" && pwd)
# shellcheck source=tests/cli/harness.sh
source "$here/harness.sh" "$(realpath "$1")"
tiny=$here/tiny.toml

# Every key with its tables, "quant.lsq.window", and every table, "quant.lsq".
run list config
awk '
  /^Before all/ { count = 1; tables[1] = "" }
  /^\[/ {
    count = 0
    sub(/ with .*/, "")
    for (n = split($0, parts, ", "); n > 0; --n) { gsub(/[][]/, "", parts[n]); tables[++count] = parts[n]; print parts[n] }
  }
  /^  [a-z]/ { for (i = 1; i <= count; ++i) print (tables[i] == "" ? "" : tables[i] ".") $1 }' .stdout | sort -u >known
report "$([[ $(wc -l <known) -gt 250 ]] && echo true)" "expected a few hundred keys, got $(wc -l <known)"

# A reader that reads a key has to say what it means: settings.number({"lr", "the learning rate"}, 0.1).
undescribed=$(awk '/^  [a-z]/ { key = $1 } /^      ;/ { print key }' .stdout | xargs)
report "$([[ -z $undescribed ]] && echo true)" "expected a meaning of each key, got none for: $undescribed"

# Keys in the sources of the readers, whatever their table.
sed 's/.*\.//' known | sort -u >names
(cd "$source_root" && cat {quant,layers,ptq,experiments}/{*.h,*.cpp,*/*.h,*/*.cpp} 2>/dev/null) | tr '\n' ' ' |
  grep -oE '(\.|->)(number|integer|boolean|text|choice)s?\( *\{? *"[a-z_0-9]+"' |
  grep -oE '"[a-z_0-9]+"' | tr -d '"' | sort -u >in_sources
report "$([[ $(wc -l <in_sources) -gt 100 ]] && echo true)" "expected a hundred keys in the sources, got $(wc -l <in_sources)"
missing=$(comm -13 names in_sources | xargs)
report "$([[ -z $missing ]] && echo true)" "expected keys of the sources in quench list config, got none for: $missing"

# The same for what a run writes: each key with the value that it used.
dotted() { # FILE: the keys of a config as a run writes it
  awk '/^\[/ { gsub(/[][ ]/, ""); table = $0 "."; next } /=/ { print table $1 }' "$1" | sort -u
}
for overrides in quant.method=ab quant.method=fat calibration.batches=1 distill.label_weight=1.0; do
  rm -rf run
  teacher=()
  [[ $overrides == distill* ]] && teacher=(--set distill.teacher=teacher)
  run train "$tiny" --set "$overrides" "${teacher[@]}" --no-report --run run
  report "$([[ $status == 0 ]] && echo true)" "expected a run"
  missing=$(dotted run/config.toml | comm -13 known - | xargs)
  report "$([[ -z $missing ]] && echo true)" "expected every key of run/config.toml in quench list config, got none for: $missing"
  [[ -d teacher ]] || mv run teacher
done

# Keys that the docs name, as `train.epochs`, as --set train.epochs=1, and in blocks of TOML.
documented() { # PAGE
  awk '
    /^ *```/ { toml = /toml/; table = ""; next }
    toml && /^\[/ { gsub(/[][ ]/, ""); sub(/#.*/, ""); table = $0 "."; next }
    toml && /^[a-z_]+ *=/ { print table $1 }' "$1"
  grep -oE '(--set |--vary |`)\[?(model|data|quant|optimizer|schedule|train|distill|calibration)\.[a-z_0-9.]*[a-z_0-9]' "$1" | sed -E 's/.*[ `[]//'
}
for page in "$source_root"/README.md "$source_root"/docs/*.md; do
  [[ $page == */config_reference.md ]] && continue
  # A method of the user's own (own_quantizer.md), and file names such as model.qnc.
  missing=$(documented "$page" | grep -vE '^(quant\.sigma.*|model\.(qnc|onnx.data|safetensors))$' | sort -u | comm -13 known - | xargs)
  last_command=$page
  report "$([[ -z $missing ]] && echo true)" "expected keys that exist, got: $missing"
done

expect_success '^\[train\]$' list config train
report "$(grep -q '^  checkpoint_every_steps = 0$' .stdout && ! grep -q '^\[quant' .stdout && echo true)" "expected one table"
expect_success '^\[quant\.lsq\]$' list config quant
expect_success '^## \[quant\.lsq\]$' list config quant.lsq --markdown
expect_failure 2 "expected a table of the config, got 'trian'.*train" list config trian
expect_failure 2 'models: .*no further' list models train
finish
