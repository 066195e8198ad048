#!/usr/bin/env bash
# conv_networks.sh [ROUNDS]: compares integer convolutions with oneDNN's float32. Prints a table of geometric means over the layers
# of three networks, for each instruction set of this machine, on 1 and 2 threads: medians over ROUNDS (default 3) runs of
# quench bench conv. $QUENCH is the program (default build/cli/quench).
set -euo pipefail
cd "$(dirname "$0")/.."

quench=${QUENCH:-build/cli/quench}
rounds=${1:-3}
isas=(avx2)
grep -q avx512_vnni /proc/cpuinfo && isas+=(avx512)

# means NETWORK ISA THREADS: "type dense depthwise" lines; oneDNN gets the same instruction set
means() {
  local limit=DEFAULT
  [[ $2 == avx2 ]] && limit=AVX2
  ONEDNN_MAX_CPU_ISA=$limit "$quench" bench conv --shapes "$1" --isa "$2" --threads "$3" |
    sed -n '/^geometric means/,$p' | awk '$1 ~ /^(u8s8|u8s4|u4s4|b1)$/ { print $1, $2, $3 }'
}

grep -m1 'model name' /proc/cpuinfo
echo "| network | instructions | threads | u8s8 | u8s4 | u4s4 | 1 bit | depthwise u8s8 |"
echo "|---|---|---|---|---|---|---|---|"
for network in binarynet mobilenet_v1 resnet50; do
  for isa in "${isas[@]}"; do
    for threads in 1 2; do
      for ((round = 0; round < rounds; ++round)); do means "$network" "$isa" "$threads"; done | sort |
        python3 -c '
import statistics, sys
values = {}
for line in sys.stdin:
    kind, dense, depthwise = line.split()
    values.setdefault(kind, []).append(dense)
    if kind == "u8s8":
        values.setdefault("depthwise", []).append(depthwise)
cells = []
for kind in ("u8s8", "u8s4", "u4s4", "b1", "depthwise"):
    numbers = [float(v) for v in values.get(kind, []) if v != "-"]
    cells.append(f"{statistics.median(numbers):.2f}" if numbers else "-")
print("|", " | ".join(sys.argv[1:] + cells), "|")' "$network" "$isa" "$threads"
    done
  done
done
