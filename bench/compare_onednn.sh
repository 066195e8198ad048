#!/usr/bin/env bash
# Compares training steps with two releases of oneDNN, alternating between them, with the same
# compiler on the same machine.
#
#   bench/compare_onednn.sh FOLDER [ROUNDS [ARGS...]]
#
# FOLDER contains the other release, unpacked with `dpkg -x`. For Debian 12's 2.6.3 on Debian 13:
#
#   for p in libdnnl-dev_2.6.3-1 libdnnl2_2.6.3-1; do dpkg -x ${p}_amd64.deb FOLDER; done
#
# A is built with that release, in build-onednn; B is build/cli/quench, with the system's oneDNN.
# ROUNDS and ARGS: see compare_builds.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

(($# >= 1)) || { echo "usage: bench/compare_onednn.sh FOLDER [ROUNDS [ARGS...]]" >&2; exit 2; }
other=$(realpath "$1")
libraries=$(dirname "$(find "$other" -name libdnnl.so -print -quit)")
[[ -d $other/usr/include/oneapi/dnnl && -e $libraries/libdnnl.so ]] || {
  echo "compare_onednn: expected usr/include/oneapi/dnnl and libdnnl.so in $other" >&2
  exit 1
}
# The compiler searches this folder before the system's.
export CPLUS_INCLUDE_PATH=$other/usr/include LIBRARY_PATH=$libraries
[[ -f build-onednn/build.ninja ]] || meson setup build-onednn >/dev/null
ninja -C build-onednn cli/quench >/dev/null
exec bench/compare_builds.sh "env LD_LIBRARY_PATH=$libraries build-onednn/cli/quench" build/cli/quench "${@:2}"
