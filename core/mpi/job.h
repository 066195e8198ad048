#pragma once

#include <memory>
#include <string>

#include "core/communicator.h"

namespace quench::mpi {

/// The job that a launcher (mpirun, mpiexec, srun) started this process in, one of several, whose
/// ranks wait for each other here; null for a process on its own. The job ends with the object, for
/// which the ranks wait again. To be called once, at the start.
///
/// @throws std::runtime_error  if the processes cannot speak to each other, because this build has no
///                             MPI or not the launcher's: each would train alone
std::unique_ptr<Communicator> join_job();

/// The MPI library of this build, e.g. "Open MPI v4.1.4"; empty if there is none.
std::string library_version();

}  // namespace quench::mpi
