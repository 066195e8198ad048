#!/usr/bin/env bash
# distributions.sh [--cache DIR] [--keep DIR] [DISTRIBUTION[:VARIANT]...]: the README's commands on bare machines.
#
#   tests/distributions.sh                         all that quench claims: see $claimed
#   tests/distributions.sh trixie sid:clang        only these
#
# Debootstraps each distribution of Debian (bookworm, trixie, sid) into a folder, clones this repository's HEAD into it, and
# runs both commands of the README there: nothing else is installed. A VARIANT differs in one respect:
# clang compiles with clang++; no-mpi and no-onnx leave an optional package out. Prints a table of versions and
# results, and "N passed, N failed".
#
#   --cache DIR  keeps what is downloaded and compiled in DIR for the next time: bare systems, packages, objects (ccache)
#   --keep DIR   leaves the systems in DIR, e.g. for bench/compare_builds.sh; each takes about 3 GB
#
# Environment: QUENCH_TEST_ARGS, more words for `./quench test`, e.g. "--timeout-multiplier 5" on a busy machine.
# Needs root, debootstrap and git. All output goes to DIR/<distribution>-<variant>.log, or to /tmp without a cache.
set -uo pipefail
root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
# shellcheck source=.ci/steps.sh
source "$root/.ci/steps.sh"
# shellcheck source=.ci/bare_system.sh
source "$root/.ci/bare_system.sh"

readonly claimed=(bookworm trixie sid trixie:clang trixie:no-mpi trixie:no-onnx)
# Their versions are listed.
readonly packages=(meson libdnnl-dev libcli11-dev libfmt-dev libtomlplusplus-dev nlohmann-json3-dev libonnx-dev
  libprotobuf-dev libopenmpi-dev doctest-dev)
readonly columns='%-17s %-31s %4s  %-12s %-7s %-7s %-6s %-7s %-13s %-15s %-7s %-9s %-8s %s\n'

die() {
  printf 'distributions.sh: %s\n' "$*" >&2
  exit 1
}

kept=
cases=()
while (($# > 0)); do
  case $1 in
    --cache | --keep)
      (($# > 1)) || die "$1: expected a folder"
      mkdir -p "$2" || die "$1: cannot make $2"
      [[ $1 == --cache ]] && cache=$(realpath "$2") || kept=$(realpath "$2")
      shift
      ;;
    bookworm | trixie | sid | bookworm:* | trixie:* | sid:*)
      [[ $1 =~ ^[a-z]+(:(clang|no-mpi|no-onnx))?$ ]] ||
        die "expected the variant clang, no-mpi or no-onnx, got '$1'"
      cases+=("$1")
      ;;
    *) die "expected --cache DIR, --keep DIR, bookworm, trixie or sid, got '$1'" ;;
  esac
  shift
done
((${#cases[@]} > 0)) || cases=("${claimed[@]}")
((EUID == 0)) || die "expected to run as root: debootstrap and chroot need it"
command -v debootstrap >/dev/null || die "expected debootstrap; apt-get install debootstrap"

temporary=$(mktemp -d)
trap 'rm -rf --one-file-system "$temporary"' EXIT
logs=${cache:-/tmp}

# prepare DISTRIBUTION VARIANT FOLDER: a bare system with the sources.
prepare() {
  local extra=()
  bare_system "$1" "$3" || return
  git clone --quiet --no-hardlinks "$root" "$3/root/quench" || return
  [[ $2 != clang ]] || extra+=(clang libomp-dev)
  [[ -z $cache ]] || extra+=(ccache)
  ((${#extra[@]} == 0)) && return
  inside "$3" sh -c "apt-get update -qq && apt-get install -y -qq \
    --no-install-recommends ${extra[*]}"
}

# quench_in FOLDER VARIANT ARGS...: the script ./quench there.
quench_in() {
  local system=$1 settings=()
  case $2 in
    clang) settings=(CXX=clang++) ;;
    no-*) settings=(QUENCH_WITHOUT="${2#no-}") ;;
  esac
  shift 2
  inside "$system" "${settings[@]}" sh -c 'cd /root/quench && exec ./quench --yes "$@"' sh "$@"
}

trains() { quench_in "$1" "$2" train examples/quickstart.toml; }

tests() {
  # Split into words on purpose: it contains several options.
  # shellcheck disable=SC2086
  quench_in "$1" "$2" test ${QUENCH_TEST_ARGS:-}
}

# left_out FOLDER VARIANT: the variant without an optional package has none of it.
left_out() {
  case $2 in
    no-mpi) ! inside "$1" dpkg-query -W libopenmpi-dev ;;
    no-onnx) ! inside "$1" dpkg-query -W libonnx-dev ;;
  esac
}

# versions FOLDER: the compiler and the packages, one per line, without Debian's suffixes; "-" if missing.
versions() {
  # shellcheck disable=SC2016  # the inner shell expands it
  inside "$1" sh -c '
    compiler=$(sed -n "s/^C++ compiler for the host machine: [^(]*(\([a-z]* [0-9.]*\) .*/\1/p" \
      /root/quench/build/meson-logs/meson-log.txt | tail -n 1)
    echo "${compiler:--}"
    for package; do
      dpkg-query -W -f "\${Version}\n" "$package" 2>/dev/null || echo -
    done' sh "${packages[@]}" | sed -E 's/^[0-9]+://; s/[+~-].+//'
}

# outcome LOG: how many tests passed, were skipped and failed, from Meson's summary.
outcome() {
  awk -F: '/^(Ok|Fail|Timeout|Skipped): / { count[$1] = $2 + 0 }
    END { printf "%d ok, %d skipped, %d failed", count["Ok"], count["Skipped"], count["Fail"] + count["Timeout"] }' "$1"
}

# logged COMMAND...: writes what it prints to the log; after a failure, shows its end.
logged() {
  "$@" >>"$log" 2>&1 && return
  tail -n 30 "$log"
  return 1
}

# try_case CASE: one system, from bare to tested; adds a line to the table.
try_case() {
  local distribution=${1%%:*} variant=${1#*:} system began=$SECONDS log
  [[ $variant != "$1" ]] || variant=default
  log=$logs/$distribution-$variant.log
  : >"$log"
  system=${kept:-$temporary}/$distribution-$variant
  [[ ! -e $system ]] || die "$system exists"
  step "$1: a bare system" logged prepare "$distribution" "$variant" "$system"
  step "$1: ./quench train examples/quickstart.toml" logged trains "$system" "$variant"
  step "$1: ./quench test" logged tests "$system" "$variant"
  [[ $variant != no-* ]] || step "$1: it is left out" logged left_out "$system" "$variant"
  local found
  mapfile -t found < <(versions "$system" 2>>"$log")
  # shellcheck disable=SC2059  # a constant
  printf -v row "$columns" "$1" "$(outcome "$log")" $(((SECONDS - began) / 60)) "${found[@]}"
  table+=$row
  [[ -n $kept ]] || rm -rf --one-file-system "$system"
}

# shellcheck disable=SC2059  # a constant
printf -v table "$columns" distribution 'unit tests' min compiler "${packages[@]%-dev}"
printf 'commit %s\n' "$(git -C "$root" describe --always --dirty --exclude='*')"
for case in "${cases[@]}"; do try_case "$case"; done
printf '\n%s' "${table//lib/}"
summary
