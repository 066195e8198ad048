#!/usr/bin/env bash
# Tests the packages of build.sh as a new user would: in a fresh Debian, from the package to the first trained network.
#
#   packaging/try.sh [FOLDER] [SUITE...]       FOLDER is build-packages, the suites bookworm trixie sid unless given
#
# Prints the seconds for each; more than $QUENCH_TRY_SECONDS (60) is a failure. Debian packages are tested on the release that
# they were built for, the tarball on every one. QUENCH_SYSTEMS: see build.sh. Needs root and debootstrap.
set -uo pipefail
source_tree=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/..
cache=${QUENCH_SYSTEMS:-}
# shellcheck source=.ci/bare_system.sh
source "$source_tree/.ci/bare_system.sh"

folder=$(realpath "${1:-build-packages}")
shift
(($# > 0)) || set -- bookworm trixie sid
limit=${QUENCH_TRY_SECONDS:-60}
root=$(mktemp -d)
trap 'rm -rf --one-file-system "$root"' EXIT
failures=0

# check WHAT COMMAND...: runs COMMAND in the system and prints its output if it fails.
check() {
  local what=$1 log
  shift
  log=$(inside "$root/system" "$@" 2>&1) && return
  failures=$((failures + 1))
  printf 'FAILED: %s\n%s\n' "$what" "$log"
}

# first_network WHAT COMMANDS: prints the seconds that they take and checks the limit.
first_network() {
  local start=$SECONDS
  check "$1" sh -ec "$2"
  local seconds=$((SECONDS - start))
  printf '%s: %d s to the first trained network\n' "$1" "$seconds"
  ((seconds <= limit)) || { failures=$((failures + 1)); printf 'FAILED: %s: expected at most %d s\n' "$1" "$limit"; }
}

# after_training WHAT PROGRAM PREFIX: checks the rest of the package.
# quench and oneDNN select kernels at run time; the integers are the same with all of them.
after_training() {
  check "$1: evaluation" "$2" eval /first
  check "$1: integers" "$2" deploy /first -o /model.qnc
  local isa
  for isa in scalar avx2 avx512; do
    check "$1: kernels limited to $isa" env QUENCH_MAX_ISA=$isa "$2" verify /first /model.qnc --images 100
  done
  check "$1: oneDNN limited to AVX2" sh -ec "ONEDNN_MAX_CPU_ISA=AVX2 $2 --version | grep -q 'oneDNN.*avx2$'"
  check "$1: completion" bash -ec "source $3/share/bash-completion/completions/quench; complete -p quench"
  check "$1: manual" sh -c "ls $3/share/man/man1/quench.1*"
}

# bare SUITE: a new system with the packages in /packages.
bare() {
  rm -rf "$root/system"
  bare_system "$1" "$root/system"
  mkdir "$root/system/packages"
  find "$folder" -maxdepth 1 \( -name '*.deb' -o -name '*.tar.gz' \) -exec cp -t "$root/system/packages" {} +
}

for suite in "$@"; do
  if compgen -G "$folder/*~${suite}_*.deb" >/dev/null; then
    bare "$suite"
    check "$suite: package lists" apt-get update -q
    # The timing excludes the download.
    check "$suite: download" sh -ec "apt-get install -q -y --no-install-recommends --download-only /packages/quench_*~${suite}_*.deb"
    first_network "$suite, .deb" "apt-get install -q -y --no-install-recommends /packages/quench_*~${suite}_*.deb
      quench train /usr/share/quench/examples/quickstart.toml --run /first"
    after_training "$suite, .deb" quench /usr
    check "$suite: library" sh -ec "apt-get install -q -y --no-install-recommends g++ pkgconf /packages/libquench-dev_*~${suite}_*.deb"
    cp "$source_tree/tests/install/outside.cpp" "$root/system"
    check "$suite: a program with the library" sh -ec \
      'c++ -std=c++20 /outside.cpp -o /outside $(pkg-config --cflags --libs quench) && [ "$(/outside)" = 12 ]'
    check "$suite: the README's program" sh -ec \
      'cd /tmp && c++ -std=c++20 -O2 "$0" -o train $(pkg-config --cflags --libs quench) && ./train | grep "^0 of .* differ$"' \
      /usr/share/quench/examples/train.cpp
    check "$suite: a program with a quantizer" sh -ec \
      'c++ -std=c++20 -O2 "$0" -o /custom $(pkg-config --cflags --libs quench) && /custom list quantizers | grep "^sigma"' \
      /usr/share/quench/examples/custom_quantizer.cpp
  fi
  bare "$suite"
  first_network "$suite, tarball" "tar xf /packages/quench-*.tar.gz
    mv /quench-* '/anywhere else'
    '/anywhere else/bin/quench' train '/anywhere else/examples/quickstart.toml' --run /first"
  mv "$root/system/anywhere else" "$root/system/moved"
  after_training "$suite, tarball" /moved/bin/quench /moved
  # Everything but the C library comes from the tarball.
  check "$suite, tarball: own libraries" sh -c "! ldd /moved/bin/quench | grep '=>' | grep -vE '=> /moved/|^\s*lib(c|m)\.so\.6'"
done
((failures == 0))
