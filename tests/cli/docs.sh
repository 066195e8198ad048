#!/usr/bin/env bash
# docs.sh PROGRAM SOURCE_ROOT CUSTOM_QUANTIZER: the commands in README.md and docs/*.md do what these pages say.
# documented.txt in this folder lists every command in order, and says how this test shrinks it or why it cannot run. A new
# or changed command fails the test until it is listed. The output on a page is compared with what the command prints: words,
# columns and rows, but not numbers, since the runs here are shorter.
set -uo pipefail

here=$(cd "$(dirname "$0")" && pwd)
source_root=$(cd "$2" && pwd)
custom_quantizer=$(realpath "$3")
# shellcheck source=tests/cli/harness.sh
source "$here/harness.sh" "$(realpath "$1")"

cd "$source_root" || exit 1
pages=(README.md docs/*.md)
mkdir "$work/.docs"

# From fenced blocks without a language: a list of the commands, and for each a file with the output shown below it.
awk -v folder="$work/.docs" '
  function keep() {
    sub(/ +#.*$/, "", command)
    print FILENAME ": " command > (folder "/list")
    file = sprintf("%s/%03d.output", folder, ++count)
    printf "" > file
    blank = ""
    command = ""
  }
  FNR == 1 { file = ""; inside = 0; command = "" }
  /^ *```/ {
    plain = !inside && /^ *```$/; inside = !inside; file = ""; prompted = 0; indent = match($0, /`/)
    next
  }
  !inside || !plain { next }
  { line = substr($0, indent) }
  command != "" { sub(/^ +/, "", line); command = command line }
  command == "" {
    prompt = sub(/^\$ /, "", line)
    if (prompt) prompted = 1
    # Where commands have a prompt, a line without one is output, even if it begins with "quench".
    if (prompt || !prompted && line ~ /^(\.\/|quench |mpirun |examples\/|build\/|meson |git |ninja |tensorboard |own=)/) command = line
    else if (file != "" && line == "") blank = blank "\n"  # what is between two commands belongs to neither
    else if (file != "") { printf "%s%s\n", blank, line > file; blank = "" }
  }
  command ~ /\\$/ { sub(/\\$/, "", command); next }
  command != "" { shown = prompt; keep(); if (!shown) file = "" }
' "${pages[@]}"

# Inline: `quench COMMAND --option`. Programs and options have to exist.
known_options() {
  local words=("$1")
  [[ $1 == bench && ${2:-} =~ ^[a-z]+$ ]] && words+=("$2")
  local help="$work/.docs/help-${words[*]}"
  [[ -e $help ]] || "$program" "${words[@]}" --help >"$help" 2>&1 || echo "no such command" >"$help"
  cat "$help"
}

check_options() {
  local text=$1 help option words
  text=${text#./}
  read -ra words <<<"${text#quench }"
  help=$(known_options "${words[@]}")
  report "$([[ $help != *"no such command"* ]] && echo true)" "$text: no such command"
  while read -r option; do
    report "$(grep -q -- "$option\b" <<<"$help" && echo true)" "$text: no such option: $option"
  done < <(grep -oE -- '--[a-z][a-z-]+' <<<"$text")
}

: >"$work/.stderr"
while IFS= read -r span; do
  [[ $span == *"quench test"* || $span == *"build/"* ]] || check_options "${span#mpirun -n N }"
done < <(for page in "${pages[@]}"; do
  awk '/^ *```/ { inside = !inside; next } !inside' "$page" | tr '\n' ' ' | grep -oE '`(\./|mpirun -n N )?quench [a-z][^`]*`' | tr -d '`'
done)

cd "$work" || exit 1
ln -s "$program" quench
mkdir -p build/examples data photos
ln -s "$custom_quantizer" build/examples/custom_quantizer
ln -s "$source_root/examples" examples
PATH=$work:$PATH

# A CIFAR-10 of 160 and 32 images, and a picture.
record() { printf "\\x0$(($1 % 10))"; seq "$(($1 * 700))" "$(($1 * 700 + 900))" | tr -d '\n' | head -c 3072; }
records() { for ((record = $1; record < $1 + 32; ++record)); do record "$record"; done; }
for part in 1 2 3 4 5; do records "$((part * 32))" >"data/data_batch_$part.bin"; done
records 200 >data/test_batch.bin
{ printf 'BM\66\14\0\0\0\0\0\0\66\0\0\0\50\0\0\0\40\0\0\0\40\0\0\0\1\0\30\0\0\0\0\0\0\14\0\0'
  printf '%016d' 0 | tr 0 '\0'
  head -c 3072 data/test_batch.bin; } >cat.jpg

# Options that make runs short: on the drawn set, and on files, which determine the number of images.
files='--set train.epochs=1 --set train.max_steps_per_epoch=2 --set train.batch_size=16 --set train.eval_batch_size=32
  --set train.bn_batches=1 --set data.validation_size=0 --set schedule.warmup_epochs=0'
drawn="$files --set data.train_size=64 --set data.test_size=32"
files=${files//$'\n'/ } drawn=${drawn//$'\n'/ }

# The list in documented.txt, and each command's directives.
commands=()
declare -A directives
page=
while IFS= read -r line; do
  case $line in
    '#'* | '') ;;
    '== '*) page=${line#== } ;;
    '  '*) directives[$((${#commands[@]} - 1))]+="${line#  }"$'\n' ;;
    *) commands+=("$page: $line") ;;
  esac
done <"$here/documented.txt"
printf '%s\n' "${commands[@]}" >.docs/classified
: >.stderr
if ! diff -U0 .docs/classified .docs/list >.docs/difference; then
  grep '^[-+][^-+]' .docs/difference
  last_command= report false "commands of the docs (+) and of tests/cli/documented.txt (-) differ"
  finish
  exit
fi

# An output without its numbers, widths and repetitions.
shape() {
  # A CPU without AVX-512 has other kernels.
  sed -E -e 's/\b(scalar|avx2|avx512)( (lookup|popcount|vpopcnt|depthwise|maddubs|narrow|madd16|vnni|16))*\b/KERNEL/' \
    -e 's,\b1 epoch\b,1 epochs,' -e 's/ *\(waited [0-9.]+ s for data\)//' -e 's/[0-9]+([.,:][0-9]+)*(e[-+]?[0-9]+)?/#/g' -e 's/(^| )[-+]#/\1#/g' -e 's/ +/ /g' \
    -e 's/-+/-/g' -e 's/ $//' "$1" | uniq
}

# Whether $2 holds the lines of $1 in this order. "..." in $1 matches any lines; without it, $2 may hold no others.
shows() {
  grep -qx ' *\.\.\.' "$1" || { diff -u "$1" "$2" >.docs/difference; return; }
  awk 'NR == FNR { if ($0 !~ /^ *\.\.\.$/ && $0 != want[n]) want[++n] = $0; next }
       at < n && $0 == want[at + 1] { ++at }
       END { if (at < n) { print "expected: " want[at + 1]; exit 1 } }' "$1" "$2" >.docs/difference
}

for ((i = 0; i < ${#commands[@]}; ++i)); do
  command=${commands[i]#*: } arguments= before= skipped= exact=false order=(cat)
  while IFS= read -r directive; do
    case $directive in
      'with '*) arguments=${directive#with } ;;
      'before '*) before+="${directive#before }"$'\n' ;;
      'skip '*) skipped=true ;;
      'check options') check_options "$command"; skipped=true ;;
      exact) exact=true ;;
      unordered) order=(sort -u) ;;
      '') ;;
      *) last_command=$command report false "documented.txt: unknown directive: $directive" ;;
    esac
  done <<<"${directives[$i]:-}"
  [[ -n $skipped ]] && continue
  status=0
  while IFS= read -r last_command; do
    [[ -z $last_command ]] && continue
    eval "$last_command" >.stderr 2>&1 </dev/null || status=$?
    report "$([[ $status == 0 ]] && echo true)" "${commands[i]}: expected success before it"
  done <<<"$before"
  last_command="$command $arguments"
  status=0
  eval "$last_command" >.docs/printed 2>&1 </dev/null || status=$?
  cp .docs/printed .stderr
  report "$([[ $status == 0 ]] && echo true)" "${commands[i]}: expected success"
  shown=$(printf '.docs/%03d.output' $((i + 1)))
  [[ -s $shown && $status == 0 ]] || continue
  if [[ $exact == true ]]; then
    diff -u "$shown" .docs/printed >.docs/difference
  else
    shape "$shown" | "${order[@]}" >.docs/want
    shape .docs/printed | "${order[@]}" >.docs/have
    shows .docs/want .docs/have
  fi || { cp .docs/difference .stderr; report false "${commands[i]}: expected the output that is shown"; }
done
finish
