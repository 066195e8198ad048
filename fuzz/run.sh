#!/usr/bin/env bash
# fuzz/run.sh [SECONDS [TARGET...]]: builds every fuzzer and runs them one by one for SECONDS (10). Prints
# executions and findings, and fails if there are findings; their inputs are in build-fuzz/found/. The corpus is kept in
# build-fuzz/corpus/, where the next run continues. Needs clang++ and its libFuzzer
# (apt-get install clang libclang-rt-dev libomp-dev).
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

seconds=${1:-10}
shift $(($# > 0))
targets=("$@")
((${#targets[@]})) || targets=(cifar config epoch_metrics idx image labels metrics model onnx onnx_network safetensors versions)
build="build-fuzz"

if [[ ! -f $build/build.ninja ]]; then
  # -O1 with line numbers: the checks cost more than -O2 gains, and findings stay readable. Fuzzers link single
  # sources of the rooms.
  CXX=clang++ meson setup "$build" -Dfuzz=true -Dunity_rooms=false -Doptimization=1 -Ddebug=false -Dmarch=x86-64-v3 >/dev/null
fi
ninja -C "$build" ${QUENCH_JOBS:+-j "$QUENCH_JOBS"} --quiet fuzzers
"$build/fuzz/fuzz_seeds" "$build/seeds"

export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=0
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export OMP_NUM_THREADS=1

findings=0
total=0
printf '%-13s  %12s  %9s  %8s\n' target executions 'inputs' findings
for target in "${targets[@]}"; do
  mkdir -p "$build/corpus/$target" "$build/found/$target" "$build/seeds/$target"
  log=$build/$target.log
  known=()
  [[ ! -d fuzz/found/$target ]] || known=("fuzz/found/$target")
  status=0
  "$build/fuzz/fuzz_$target" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 \
    -print_final_stats=1 -artifact_prefix="$build/found/$target/" \
    "$build/corpus/$target" "$build/seeds/$target" "${known[@]}" >"$log" 2>&1 || status=$?
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  found=$((status != 0))
  printf '%-13s  %12s  %9s  %8s\n' "$target" "${executions:-0}" "$(find "$build/corpus/$target" -type f | wc -l)" "$found"
  ((found == 0)) || tail -n 60 "$log" >&2
  findings=$((findings + found))
  total=$((total + ${executions:-0}))
done
printf '%-13s  %12s  %9s  %8s\n' all "$total" '' "$findings"
((findings == 0))
