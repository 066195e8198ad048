#!/usr/bin/env bash
# Compares training steps of two builds, alternating between them; prints ratios of medians over the
# rounds.
#
#   bench/compare_builds.sh COMMAND_A COMMAND_B [ROUNDS [ARGS...]]
#
# COMMAND_A and COMMAND_B start the program, e.g. build/cli/quench or 'chroot FOLDER
# /root/quench/build/cli/quench'. ARGS are passed to `quench bench train`, e.g. --model binarynet
# --width 0.25 (default: its default cases). ROUNDS defaults to 5. Above 1.00, B is faster.
set -euo pipefail

(($# >= 2)) || { echo "usage: bench/compare_builds.sh COMMAND_A COMMAND_B [ROUNDS [ARGS...]]" >&2; exit 2; }
a=$1 b=$2 rounds=${3:-5}
args=(bench train --json "${@:4}")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
grep -m1 'model name' /proc/cpuinfo
for ((round = 0; round < rounds; ++round)); do
  # Unquoted on purpose: these are commands with arguments.
  # shellcheck disable=SC2086
  $a "${args[@]}" >"$work/a-$round.json" && $b "${args[@]}" >"$work/b-$round.json"
done

python3 - "$work" "$rounds" <<'PYTHON'
import json, statistics, sys

work, rounds = sys.argv[1], int(sys.argv[2])
results = {side: [json.load(open(f"{work}/{side}-{n}.json")) for n in range(rounds)] for side in "ab"}
for side in "ab":
    versions = results[side][0][0]["versions"]
    print(side.upper() + ":", ", ".join(f"{key} {versions[key]}" for key in ("commit", "compiler", "onednn", "threads")))
print(f"{'model':<14} {'width':>5} {'size':>4} {'batch':>5} {'method':<10} {'A img/s':>9} {'B img/s':>9} {'B / A':>6}  rounds")
for i, case in enumerate(results["a"][0]):
    speeds = {side: [run[i]["images_per_second"] for run in results[side]] for side in "ab"}
    ratios = [b / a for a, b in zip(speeds["a"], speeds["b"])]
    a, b = (statistics.median(speeds[side]) for side in "ab")
    print(f"{case['model']:<14} {case['width']:>5} {case['image_size']:>4} {case['batch']:>5} {case['method']:<10} "
          f"{a:>9.1f} {b:>9.1f} {b / a:>6.2f}  {min(ratios):.2f} to {max(ratios):.2f}")
PYTHON
