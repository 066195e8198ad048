#include "core/mpi/job.h"
#include "support/error.h"
#include "support/mpi_launcher.h"

namespace quench::mpi {

std::unique_ptr<Communicator> join_job() {
  const int processes = launched_processes();
  if (processes > 1)
    fail(
        "this build has no MPI, but {} processes were started, and each would train on its own: "
        "install libopenmpi-dev, configure with -Dmpi=enabled and rebuild",
        processes);
  return nullptr;
}

std::string library_version() { return {}; }

}  // namespace quench::mpi
