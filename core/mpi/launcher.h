#pragma once

#include <cstdlib>

namespace quench::mpi {

/// How many processes a launcher started together with this one, by what it puts into their
/// environment; 1 if none did. MPI itself is not asked, since to ask it is to start it.
inline int launched_processes() {
  // Open MPI's mpirun, that of MPICH and its relatives, and Slurm's srun.
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && std::atoi(value) > 1) return std::atoi(value);
  }
  return 1;
}

}  // namespace quench::mpi
