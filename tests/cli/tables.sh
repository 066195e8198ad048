#!/usr/bin/env bash
# tables.sh PROGRAM PAGE... [--update]: tables of a page that show the program's output are up to date.
# A block between "<!-- quench WORDS -->" and "<!-- end -->" holds the output of these words.
set -euo pipefail

program=$(realpath "$1")
pages=("${@:2}")
update=false
[[ ${*: -1} == --update ]] && { update=true; unset 'pages[-1]'; }

# Prints the page with every block regenerated.
filled() {
  local line inside=false
  while IFS= read -r line; do
    if [[ $line =~ ^'<!-- quench '(.*)' -->'$ ]]; then
      printf '%s\n' "$line"
      # shellcheck disable=SC2086  # the words of a command
      "$program" ${BASH_REMATCH[1]}
      inside=true
    elif [[ $line == '<!-- end -->' ]]; then
      inside=false
      printf '%s\n' "$line"
    elif [[ $inside == false ]]; then
      printf '%s\n' "$line"
    fi
  done <"$1"
}

fresh=$(mktemp)
trap 'rm -f "$fresh"' EXIT
status=0
for page in "${pages[@]}"; do
  filled "$page" >"$fresh"
  if [[ $update == true ]]; then
    cp "$fresh" "$page"
  elif ! diff -u "$page" "$fresh"; then
    echo "$page is stale; update it with: tests/cli/tables.sh build/cli/quench docs/*.md --update"
    status=1
  fi
done
exit "$status"
