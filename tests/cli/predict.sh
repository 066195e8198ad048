#!/usr/bin/env bash
# quench predict: names from the run folder, even if the data set is gone; bad files.
set -euo pipefail
quench=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

# A 2x2 BMP of one colour: blue, green, red as bytes in octal.
bmp() {
  local pixel=$2
  mkdir -p "$(dirname "$1")"
  {
    printf 'BM\106\0\0\0\0\0\0\0\066\0\0\0\050\0\0\0\002\0\0\0\002\0\0\0\001\0\030\0'
    printf '\0%.0s' {1..24}
    printf "$pixel$pixel\0\0$pixel$pixel\0\0"
  } > "$1"
}

for i in 1 2 3 4; do
  bmp photos/red/$i.bmp '\0\0\377'
  bmp photos/blue/$i.bmp '\377\0\0'
done
cat > colors.toml << 'TOML'
[model]
name = "binarynet"
width = 0.03125
[data]
name = "imagefolder"
dir = "photos"
image_size = 32
[quant]
method = "none"
[train]
epochs = 4
batch_size = 4
TOML

echo text > photos/red/notes.txt
if "$quench" train colors.toml --run run > out 2>&1; then fail "trained on a text file"; fi
grep -q 'notes.txt: not a JPEG, PNG or BMP file' out || fail "the file is not named: $(cat out)"
rm -rf run
"$quench" train colors.toml --run run --skip-bad > out 2>&1 || fail "$(cat out)"
grep -q 'left out 1 file ' out || fail "the count is missing: $(cat out)"
grep -q 'skip_bad = true' run/config.toml || fail "config.toml does not record skip_bad"
[[ $(cat run/classes.txt) == $'blue\nred' ]] || fail "classes.txt: $(cat run/classes.txt)"
head -1 run/metrics.csv | grep -q ',data_wait_s,' || fail "metrics.csv: $(head -1 run/metrics.csv)"

mv photos/red/1.bmp one.bmp
rm -rf photos
"$quench" predict run one.bmp > out || fail "predict"
[[ $(head -1 out) == one.bmp && $(wc -l < out) == 3 ]] || fail "$(cat out)"
grep -q '%  red' out || fail "$(cat out)"
"$quench" predict run one.bmp --top 1 --json > out || fail "predict --json"
grep -q '"probability"' out || fail "$(cat out)"

echo text > bad.jpg
if "$quench" predict run one.bmp bad.jpg > out 2>&1; then fail "predicted a text file"; fi
grep -q 'bad.jpg: not a JPEG, PNG or BMP file' out || fail "$(cat out)"
"$quench" predict run bad.jpg one.bmp --skip-bad > out 2>&1 || fail "predict --skip-bad"
grep -q 'left out 1 of 2 files' out || fail "$(cat out)"
grep -q '%  red' out || fail "$(cat out)"
status=0
"$quench" predict run bad.jpg bad.jpg --skip-bad > out 2>&1 || status=$?
[[ $status == 1 ]] || fail "predict --skip-bad of bad files alone: status $status"
grep -q 'none of the 2 files can be decoded' out || fail "$(cat out)"
status=0
"$quench" predict run missing.jpg > out 2>&1 || status=$?
[[ $status == 1 && $(cat out) == 'quench: cannot open missing.jpg: No such file or directory' ]] || fail "$(cat out)"
"$quench" predict run one.bmp --skip-bad > out 2>&1 || fail "$(cat out)"
grep -q '%  red' out || fail "$(cat out)"
