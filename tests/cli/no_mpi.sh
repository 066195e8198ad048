#!/usr/bin/env bash
# no_mpi.sh PROGRAM FOLDER: a build without MPI, started as one of several processes, does not train on its own.
set -uo pipefail

here=$(cd "$2" && pwd)
# shellcheck source=tests/cli/harness.sh
source "$here/harness.sh" "$(realpath "$1")"

export OMPI_COMM_WORLD_SIZE=2
expect_failure 1 'this build has no MPI, but 2 processes were started' train "$here/tiny.toml" --run run
expect_absent run
unset OMPI_COMM_WORLD_SIZE
expect_success 'top1' train "$here/tiny.toml" --run run --no-report
finish
