#pragma once

#include <cstdlib>
#include <string_view>

namespace quench::mpi {

/// The number of processes that an MPI launcher started, this one included, read from the
/// environment; 1 without a launcher. MPI itself cannot be asked before it is initialized.
inline int launched_processes() {
  // mpirun of Open MPI; mpirun of MPICH and its derivatives; srun of Slurm.
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && std::atoi(value) > 1) return std::atoi(value);
  }
  return 1;
}

/// This process's rank among them, from 0.
inline int launched_rank() {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID"})
    if (const char* value = std::getenv(name)) return std::atoi(value);
  return 0;
}

/// Whether "NAME=value" is an environment variable that an MPI launcher sets for its processes.
inline bool is_of_launcher(std::string_view variable) {
  // Open MPI and PRRTE; MPICH, Intel MPI and MVAPICH; Slurm steps.
  for (const std::string_view prefix : {"OMPI_", "PMIX_", "PRTE_", "PMI_", "HYDI_", "MPI_LOCAL",
                                        "MPIR_", "SLURM_STEP_", "SLURM_PROCID="})
    if (variable.starts_with(prefix)) return true;
  return false;
}

}  // namespace quench::mpi
