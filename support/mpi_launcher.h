#pragma once

#include <cstdlib>
#include <string_view>

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

/// This process's place among them, from 0.
inline int launched_rank() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID"})
    if (const char* value = std::getenv(name)) return std::atoi(value);
  return 0;
}

/// Whether a launcher put "NAME=value" into the environment, to connect a process to the others of
/// its job.
inline bool is_of_launcher(std::string_view variable) {
  // Open MPI and PRRTE; MPICH, Intel MPI and MVAPICH; Slurm's step.
  for (const std::string_view prefix : {"OMPI_", "PMIX_", "PRTE_", "PMI_", "HYDI_", "MPI_LOCAL",
                                        "MPIR_", "SLURM_STEP_", "SLURM_PROCID="})
    if (variable.starts_with(prefix)) return true;
  return false;
}

}  // namespace quench::mpi
