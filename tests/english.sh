#!/usr/bin/env bash
# english.sh [FILE...]: finds wording that reads like a translation. Prints file, line, the words and what to write instead, and fails
# if there are any. Without arguments it checks README.md, CONTRIBUTING.md, the pages of docs/ and deploy/, and the code of the rooms
# below. In pages it skips code and generated tables; in code it checks comments and strings.
set -uo pipefail

# The folders whose code is checked.
rooms=(.ci autograd bench cli core datasets deploy examples experiments fuzz kernels layers onnx packaging ptq quant support tests train)

# Extended regular expressions, and what to write instead. Only words that have no good use in these files.
patterns=(
  '\b(is|are) none\b'                 'do not exist, are not supported'
  '\bthere (is|are) none\b'           'does not exist'
  '\b(is|are) told\b'                 'is given, is reported'
  '\btells?\b'                        'reports, shows'
  '\blets? go of\b'                   'releases'
  '\bstands?\b'                       'is'
  '\bask(s|ed) for\b'                 'requires'
  '\bso manieth\b'                    'every k-th'
  '\b(beside|behind|in front)\b'      'next to, after, before'
  '\b(reals|real numbers)\b'          'float32 values'
  '\btexts\b'                         'strings'
  '\bin (the|its|their) place of\b'   'instead of'
  '\bfor want of\b'                   'because ... is missing'
  '\b(go|goes|going) on\b'            'continues, resumes'
  '\bbut for\b'                       'except for'
  '\bby their numbers?\b'             'by index'
  '\bso many\b'                       'this many, a count'
  '\bwhoever\b'                       'the reader, the caller'
  '\bhas no form\b'                   'does not support'
  '\bto the bit\b'                   'bit-exactly'
  '(^|[.:;|] )Of [a-z]'               'a sentence with a subject and a verb'
)

# The page without code: each paragraph, list item or row on its first line, blank lines for the rest.
prose() {
  awk '
    /^ *```/ { inside = !inside; first = 0; next }
    /^<!--/ { generated = !/end/; first = 0; next }
    inside || generated || /^ *$/ { first = 0; next }
    /^ *([-*#|]|[0-9]+\.)/ || !first { first = FNR }
    { gsub(/`[^`]*`/, "CODE"); sub(/^ *([-*#]+ +)?/, ""); lines[first] = (FNR == first ? "" : lines[first] " ") $0 }
    END { for (i = 1; i <= NR; ++i) print lines[i] }' "$1"
}

# The comments and strings of a source, each comment or string on its first line.
comments() {
  awk '
    # A line that consists of a comment continues the one before.
    function add(text) { if (!first) first = FNR; lines[first] = (first == FNR ? "" : lines[first] " ") text }
    FNR == 1 && /^#!/ || /^ *#(include|define|if|endif|pragma)/ { first = 0; next }
    /^ *(\/\/|#)/ {
      sub(/^ *(\/\/+<?|#+) ?/, "")
      if (!in_comment || /^ *$/) first = 0
      in_comment = 1
      if ($0 !~ /^ *$/) add($0)
      next
    }
    {
      # A line that begins with a string continues the string of the line before.
      if (in_comment || !/^ *"/) first = 0
      in_comment = 0
      rest = $0; texts = ""
      while (match(rest, /"(\\.|[^"\\])*"|\047(\\.|[^\047\\])+\047|\/\/.*|(^| )# .*/)) {
        text = substr(rest, RSTART, RLENGTH); rest = substr(rest, RSTART + RLENGTH)
        if (text ~ /^["\047]/) text = substr(text, 2, length(text) - 2); else sub(/^ *(\/\/+<?|#+) ?/, " | ", text)
        texts = texts text
      }
      if (texts != "") add(texts); else first = 0
    }
    END { for (i = 1; i <= NR; ++i) { gsub(/`[^`]*`/, "CODE", lines[i]); print lines[i] } }' "$1"
}

if (($# == 0)); then
  cd "$(dirname "$0")/.." || exit 1
  mapfile -t sources < <(find "${rooms[@]}" -type f -not -path tests/english.sh \( -name '*.cpp' -o -name '*.h' -o -name '*.py' -o \
    -name '*.sh' -o -name '*.toml' -o -path '.ci/*' \))
  mapfile -t build_files < <(find . -name meson.build -not -path './build*' -not -path './subprojects/*')
  set -- README.md CONTRIBUTING.md docs/*.md deploy/README.md kernels/README.md quench meson_options.txt \
    "${build_files[@]}" "${sources[@]}"
fi

# One expression for all: most files have no match.
any=
for ((i = 0; i < ${#patterns[@]}; i += 2)); do any+="${any:+|}${patterns[i]}"; done

found=0
for file in "$@"; do
  [[ $file == *.md ]] && read_text=prose || read_text=comments
  text=$("$read_text" "$file") || exit 1
  grep -qE -- "$any" <<<"$text" || continue
  for ((i = 0; i < ${#patterns[@]}; i += 2)); do
    while IFS=: read -r line words; do
      printf '%s:%d: "%s": write: %s\n' "$file" "$line" "$words" "${patterns[i + 1]}"
      found=$((found + 1))
    done < <(grep -noE -- "${patterns[i]}" <<<"$text")
  done
done
printf '%d files, %d phrases to rewrite\n' $# "$found"
((found == 0))
