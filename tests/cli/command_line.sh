#!/usr/bin/env bash
# command_line.sh PROGRAM VERSION: the program's descriptions of itself: version, help, completion, manual page.
set -uo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
# shellcheck source=tests/cli/harness.sh
source "$here/harness.sh" "$(realpath "$1")"
version=$2

# expect_equal WHAT EXPECTED ACTUAL
expect_equal() {
  local ok=true
  [[ $2 == "$3" ]] || ok=false
  report "$ok" "$1: expected '$2', got '$3'"
}

version_text() {
  expect_success "^quench ${version//./\\.}\$" --version
  local line
  for line in 'commit +[0-9a-f]{12}|commit +unknown' 'compiler +(gcc|clang) [0-9]+' 'oneDNN +[23]\.[0-9]+' 'CPU .* threads'; do
    expect_success "^$line" --version
  done
  QUENCH_MAX_ISA=scalar expect_success '^kernels +use scalar$' --version
  ONEDNN_MAX_CPU_ISA=AVX2 expect_success '^oneDNN .* uses avx2$' --version
  QUENCH_MAX_ISA=sse expect_failure 1 'QUENCH_MAX_ISA.*scalar, avx2 or avx512.*sse' --version
  QUENCH_MAX_ISA=sse expect_failure 1 'QUENCH_MAX_ISA.*scalar, avx2 or avx512.*sse' list models
}

# "quench help X" is "quench X --help".
help_text() {
  local words
  for words in '' train bench 'bench conv'; do
    # shellcheck disable=SC2086  # the words of a command
    run help $words
    local help
    help=$(<.stdout)
    # shellcheck disable=SC2086
    run $words --help
    expect_equal "help $words" "$(<.stdout)" "$help"
    expect_equal "help $words: lines of more than 80 columns" '' "$(grep -E '^.{81}' <<<"$help" | grep ' .* ')"
  done
  expect_success '--resume RUN' help train
  expect_success 'last\|best' help eval
  expect_failure 2 'trian.*train' help trian
  # The name of a value describes it and decides how shells complete it.
  run --help-all
  expect_equal 'options without a name for their value (OptionForm::type_name)' '' "$(grep -w TEXT .stdout)"
}

# completed WORDS: bash's completions of the last word, in one line.
completed() {
  # shellcheck disable=SC2206  # words
  local COMP_WORDS=($1) COMP_CWORD COMPREPLY=()
  [[ $1 == *' ' ]] && COMP_WORDS+=('')
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  _quench quench "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
  printf '%s\n' "${COMPREPLY[@]}" | sort | xargs
}

bash_completion() {
  mkdir -p files/run files/runs && touch files/net.toml
  run completion bash
  # shellcheck source=/dev/null
  source .stdout
  cd files || exit 1
  expect_equal 'a subcommand' train "$(completed 'quench tra')"
  expect_equal 'a subcommand of bench' 'conv infer net train' "$(completed 'quench bench ')"
  expect_equal 'an option' '--resume' "$(completed 'quench train --resu')"
  expect_equal 'an option of bench train' '--profile' "$(completed 'quench bench train --pro')"
  expect_equal 'a choice' 'operands sums' "$(completed 'quench export run --scales ')"
  expect_equal 'a config' 'net.toml run runs' "$(completed 'quench train ')"
  expect_equal 'a config after an option' 'net.toml' "$(completed 'quench train --run runs net')"
  expect_equal 'a run folder' 'run runs' "$(completed 'quench train --resume ')"
  expect_equal 'a run folder in its place' 'run runs' "$(completed 'quench watch r')"
  expect_equal 'a file to write' 'net.toml' "$(completed 'quench deploy run -o n')"
  expect_equal 'nothing for a free value' '' "$(completed 'quench train --set ')"
  expect_equal 'the command that help is asked for' 'export' "$(completed 'quench help exp')"
  cd ..
}

# The other shells' own parsers, where they are installed.
other_shells() {
  local shell
  for shell in fish zsh; do
    expect_success 'quench' completion "$shell"
    if ! command -v "$shell" >/dev/null; then
      skip "$shell is not installed"
      continue
    fi
    mv .stdout "completion.$shell"
    expect_equal "what $shell says of its script" '' "$("$shell" -n "completion.$shell" 2>&1)"
  done
  expect_failure 2 'tcsh.*bash' completion tcsh
  command -v fish >/dev/null || return
  fish_offers() { HOME=$work fish --no-config -c "source completion.fish; complete -C '$1'" | cut -f 1 | sort | xargs; }
  expect_equal 'fish: a subcommand' train "$(fish_offers 'quench tra')"
  expect_equal 'fish: subcommands of bench' 'conv infer net train' "$(fish_offers 'quench bench ')"
  expect_equal 'fish: a choice' 'operands sums' "$(fish_offers 'quench export run --scales ')"
  expect_equal 'fish: a run folder' 'files/run/ files/runs/' "$(fish_offers 'quench train --resume files/r')"
}

# Every command and option that the help names.
manual() {
  run --help-all
  grep -oE -- '--[a-z][a-z-]+' .stdout | sort -u >in_help
  expect_success '^\.TH QUENCH 1' manual
  sed 's/\\-/-/g' .stdout | grep -oE -- '--[a-z][a-z-]+' | sort -u >in_manual
  expect_equal 'options that the manual lacks' '' "$(comm -23 in_help in_manual | xargs)"
  if command -v man >/dev/null; then
    mv .stdout quench.1
    expect_equal 'what man says of the page' '' "$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z quench.1 2>&1 >/dev/null)"
  else
    skip 'man is not installed'
  fi
}

# An old CPU gets a message rather than an illegal instruction, which constructors of global objects would execute before main().
old_cpu() {
  command -v qemu-x86_64 >/dev/null || { skip 'qemu-user is not installed'; return; }
  local program_here=$program
  program=qemu-x86_64
  expect_failure 1 'a CPU with AVX2, which this one lacks.*march=' -cpu Nehalem "$program_here" --version
  program=$program_here
}

version_text
old_cpu
help_text
bash_completion
other_shells
manual
finish
