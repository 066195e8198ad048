#!/usr/bin/env bash
# readme.sh PROGRAM README [--update]: what the README shows of the program's tables is what it prints.
# A block between "<!-- quench WORDS -->" and "<!-- end -->" holds the output of these words.
set -euo pipefail

program=$(realpath "$1")
readme=$2

# Prints the README with every block filled anew.
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
  done <"$readme"
}

fresh=$(mktemp)
trap 'rm -f "$fresh"' EXIT
filled >"$fresh"
if [[ ${3:-} == --update ]]; then
  cp "$fresh" "$readme"
elif ! diff -u "$readme" "$fresh"; then
  echo "README.md is stale; bring it up to date with: tests/cli/readme.sh build/cli/quench README.md --update"
  exit 1
fi
