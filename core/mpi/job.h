#pragma once

#include <memory>
#include <string>

#include "core/communicator.h"

namespace quench::mpi {

/// Joins the job in which a launcher (mpirun, mpiexec, srun) started this process, and waits for
/// the other ranks. Returns null if the process was started on its own. The destructor waits for
/// all ranks and ends the job. Call once, at the start.
///
/// @throws std::runtime_error  if the processes cannot communicate, because this build has no MPI
///                             or a different MPI than the launcher. Each process
///                             would otherwise train alone
std::unique_ptr<Communicator> join_job();

/// The MPI library of this build, e.g. "Open MPI v4.1.4"; empty for a build without MPI.
std::string library_version();

}  // namespace quench::mpi
