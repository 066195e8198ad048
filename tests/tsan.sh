#!/usr/bin/env bash
# tests/tsan.sh [loader|training]...: looks for data races with ThreadSanitizer: the tests of the data sets and their
# loader, and a short training with all its threads. Needs clang++ and libomp (apt-get install clang libomp-dev), whose
# archer makes OpenMP's barriers known to ThreadSanitizer; GCC's OpenMP has no equivalent.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

parts=("$@")
((${#parts[@]})) || parts=(loader training)
build="build-tsan"
if [[ ! -f $build/build.ninja ]]; then
  # Without optimization: oneDNN, the slow part, is not compiled here.
  CXX=clang++ meson setup "$build" -Db_sanitize=thread -Db_lundef=false -Doptimization=0 -Ddebug=false \
    -Dcpp_args=-g1 -Dmarch=x86-64-v3 >/dev/null
fi

archer=$(compgen -G '/usr/lib/llvm-*/lib/libarcher.so' | sort -V | tail -n 1)
[[ -n $archer ]] || { echo 'tests/tsan.sh: libarcher.so of libomp-dev is missing' >&2; exit 1; }
export OMP_TOOL_LIBRARIES=$archer OMP_NUM_THREADS=3
export TSAN_OPTIONS="ignore_noninstrumented_modules=1 halt_on_error=0 exitcode=66 suppressions=$PWD/tests/tsan.supp"

build_target() { ninja -C "$build" ${QUENCH_JOBS:+-j "$QUENCH_JOBS"} --quiet "$1"; }

loader() {
  build_target tests/datasets_test
  "$build/tests/datasets_test"
}

# Every kind of parallel code: loader threads next to compute threads, quantizers, batch norm, checks by the engine.
training() {
  build_target cli/quench
  local runs
  runs=$(mktemp -d)
  "$build/cli/quench" train tests/cli/kill_resume.toml --run "$runs/run" --set train.epochs=2 --set train.threads=3 \
    --set data.loader_threads=3 --set quant.method=ab --set quant.weight.bits=4 --set quant.activation.bits=4 \
    --set 'quant.first_layer={activation={method="affine",bits=8}}' --set train.verify_every=1
  local status=$?
  rm -r "$runs"
  return "$status"
}

for part in "${parts[@]}"; do
  "$part"
  printf '%s: no data race\n' "$part"
done
