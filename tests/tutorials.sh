#!/usr/bin/env bash
# tutorials.sh: the code that docs/tutorial_*.md quote is in the tree. A block of cpp, diff or meson begins with the name of a file
# ("// deploy/verify.h", "# core/meson.build", or "--- core/ops/pointwise.h" of a diff) that must have its lines, up to
# indentation. A line "..." (in a diff, "@@") skips any number of them. The lines that a diff adds are not in the tree.
set -uo pipefail

cd "$(dirname "$0")/.." || exit 1
awk '
  function trimmed(line) { gsub(/^[ \t]+|[ \t]+$/, "", line); return line }

  function open_file(name) {
    file = name
    is_diff = $1 == "---"
    for (lines = 0; (getline line < file) > 0;) text[++lines] = trimmed(line)
    close(file)
    next_line = 1
    ++quotations
  }

  # Finds part[1..size] in the file, after the parts before it.
  function check_part(  at, i) {
    for (at = next_line; size > 0 && at + size - 1 <= lines; ++at) {
      for (i = 1; i <= size && part[i] == text[at + i - 1]; ++i) continue
      if (i > size) { next_line = at + size; size = 0 }
    }
    if (size > 0) {
      printf "%s:%d: %s does not have these lines here:\n", FILENAME, part_line, file
      for (i = 1; i <= size; ++i) print "  " part[i]
      ++missing
    }
    size = 0
  }

  !inside && /^ *```(cpp|diff|meson)$/ { inside = 1; file = ""; next }
  !inside && /^ *```/ { inside = 2; next }
  inside && /^ *```$/ { if (inside == 1) check_part(); inside = 0; next }
  inside != 1 { next }
  /^(\/\/|#|---) [a-z0-9_\/]+\.[a-z]+$/ { check_part(); open_file($2); next }
  file == "" { printf "%s:%d: expected the name of a file, got: %s\n", FILENAME, FNR, $0; ++missing; inside = 2; next }
  is_diff ? /^@@$/ : /^ *\.\.\.$/ { check_part(); next }
  is_diff && /^\+/ { next }
  { if (size == 0) part_line = FNR; part[++size] = trimmed(is_diff ? substr($0, 2) : $0) }
  END {
    printf "%d quotations, %d parts that are not in the tree\n", quotations, missing
    exit missing > 0 || quotations == 0
  }' docs/tutorial_*.md
