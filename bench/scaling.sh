#!/usr/bin/env bash
# scaling.sh [BUILD_FOLDER [ROUNDS]]: compares images/s of one process with two threads and of two
# ranks with one thread and half the batch each, alternating between them; times sums over ranks;
# and projects to more machines. Needs two idle cores.
set -euo pipefail

build=$(realpath "${1:-build}")
rounds=${2:-7}
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
bench=$build/bench/bench_scaling
ninja -C "$build" bench/bench_scaling >/dev/null

median() { printf '%s\n' "$@" | sort -g | sed -n "$(($# / 2 + 1))p"; }
best() { printf '%s\n' "$@" | sort -g | tail -n 1; }

# compare MODEL WIDTH BATCH METHOD BITS STEPS MESSAGES: BATCH is the total of both ranks.
compare() {
  local model=$1 width=$2 batch=$3 method=$4 bits=$5 steps=$6 messages=$7
  local half=$((batch / 2)) alone ranks round
  local -a of_one=() of_two=() ratios=()
  for ((round = 0; round < rounds; ++round)); do
    alone=$("$bench" step "$model" "$width" "$batch" "$method" "$bits" 2 "$steps")
    ranks=$(mpirun -n 2 "$bench" step "$model" "$width" "$half" "$method" "$bits" 1 "$steps")
    of_one+=("${alone%% *}")
    of_two+=("${ranks%% *}")
    ratios+=("$(awk -v a="${ranks%% *}" -v b="${alone%% *}" 'BEGIN { printf "%.3f", a / b }')")
  done
  printf '\n%s %s, %s %s bits, batch %s\n' "$model" "$width" "$method" "$bits" "$batch"
  printf '1 rank x 2 threads: median %s images/s, best %s\n' "$(median "${of_one[@]}")" "$(best "${of_one[@]}")"
  printf '2 ranks x 1 thread: median %s images/s, best %s\n' "$(median "${of_two[@]}")" "$(best "${of_two[@]}")"
  printf 'ratio: median %s, rounds %s\n' "$(median "${ratios[@]}")" "${ratios[*]}"
  printf 'last round of two ranks: %s\n' "$ranks"
  # Each machine of the projection is like this one: one rank with two threads and the whole batch.
  local ms bytes
  ms=$(cut -d' ' -f3 <<<"$alone")
  bytes=$(cut -d' ' -f5 <<<"$ranks")
  printf 'projection to more machines, from %s ms per step, %s bytes of gradients and %s messages:\n' "$ms" "$bytes" "$messages"
  "$bench" project "$ms" "$batch" "$bytes" "$messages"
}

printf 'load before: %s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
# Messages that the passes wait for: two per batch norm, one for the loss, one to stop; these
# methods send none.
compare binarynet 0.25 128 none 0 10 20
compare binarynet 0.25 128 ste 1 10 20
compare resnet20 1.0 128 lsq 4 5 40
printf 'sums over 2 ranks here:\n'
mpirun -n 2 "$bench" sums
printf 'load after: %s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
