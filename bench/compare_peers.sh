#!/usr/bin/env bash
# Compares training steps of quench and PyTorch, without quantizers and with them, in float32 and bfloat16, alternating
# between them: images/s, peak memory, ratios of medians.
#
#   bench/compare_peers.sh [ROUNDS [MODEL...]]     (default 3 rounds of all models; about 40 minutes on 2 idle cores)
#
# Needs Debian's python3-torch and libopenblas0-openmp, or another torch. Environment: THREADS (default: all cores), QUENCH
# (program), PEER_PYTHON (an interpreter with torch), COMPILE=1 (times torch.compile, too), PRECISIONS (default:
# float32,bfloat16). ONEDNN_MAX_CPU_ISA=AVX2 PRECISIONS=float32 runs both as on a machine without AVX-512: with the former,
# quench gets QUENCH_MAX_ISA=avx2, and PyTorch ATEN_CPU_CAPABILITY=avx2 and MKL_ENABLE_INSTRUCTIONS=AVX2. CHART=FILE.svg draws
# the ratios.
set -euo pipefail
cd "$(dirname "$0")/.."

program=${QUENCH:-build/cli/quench}
python=${PEER_PYTHON:-/usr/bin/python3}
[ -x "$program" ] || { echo "compare_peers: $program does not exist; build first (./quench list)" >&2; exit 1; }
"$python" -c 'import torch' 2>/dev/null || {
  echo "compare_peers: $python has no torch; apt-get install python3-torch libopenblas0-openmp" >&2
  exit 1
}
grep -m1 'model name' /proc/cpuinfo
exec "$python" bench/compare_peers.py "$program" "$python" "${1:-3}" "${THREADS:-$(nproc)}" "${@:2}"
