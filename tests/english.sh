#!/usr/bin/env bash
# english.sh [PAGE...]: finds wording that reads like a translation. Prints page, line, the words and what to write instead, and fails
# if there are any. Without arguments it checks README.md, CONTRIBUTING.md and the pages of docs/ and deploy/. It skips code
# and generated tables.
set -uo pipefail

# Extended regular expressions, and what to write instead. Only words that have no good use in these pages.
patterns=(
  '\b(is|are) none\b'                 'do not exist, are not supported'
  '\bthere (is|are) none\b'           'does not exist'
  '\b(is|are) told\b'                 'is given, is reported'
  '\btells?\b'                        'reports, shows'
  '\blets? go of\b'                   'releases'
  '\bstands?\b'                       'is'
  '\bask(s|ed) for\b'                 'requires'
  '\bso manieth\b'                    'every k-th'
  '\b(beside|behind|in front of)\b'   'next to, after, before'
  '\b(reals|real numbers)\b'          'float32 values'
  '\btexts\b'                         'strings'
  '\bin (the|its|their) place of\b'   'instead of'
  '\bfor want of\b'                   'because ... is missing'
  '\b(go|goes|going) on\b'            'continues, resumes'
  '\bbut for\b'                       'except for'
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

if (($# == 0)); then
  cd "$(dirname "$0")/.." || exit 1
  set -- README.md CONTRIBUTING.md docs/*.md deploy/README.md deploy/kernels/README.md
fi

found=0
for page in "$@"; do
  text=$(prose "$page") || exit 1
  for ((i = 0; i < ${#patterns[@]}; i += 2)); do
    while IFS=: read -r line words; do
      printf '%s:%d: "%s": write: %s\n' "$page" "$line" "$words" "${patterns[i + 1]}"
      found=$((found + 1))
    done < <(grep -noE -- "${patterns[i]}" <<<"$text")
  done
done
printf '%d pages, %d places to rewrite\n' $# "$found"
((found == 0))
