#include "cli/parts/environment.h"

namespace quench::cli {

const std::vector<EnvironmentVariable>& environment_variables() {
  static const std::vector<EnvironmentVariable> variables{
      {"QUENCH_DATA", "a folder",
       "the data directory, if --data-dir is not given; it overrides data.dir of the config"},
      {"QUENCH_MAX_ISA", "scalar, avx2, avx512",
       "the highest instruction set of the integer kernels; the default is the best that the CPU "
       "has. "
       "Integers are the same with each. Any other value is an error"},
      {"ONEDNN_MAX_CPU_ISA", "oneDNN's names, e.g. AVX2",
       "the same for oneDNN, which computes training and float networks; results differ in the "
       "last "
       "bits. quench bench conv --isa avx2 sets it to AVX2 if it is unset"},
      {"OMP_NUM_THREADS", "1 to 1024",
       "threads, if neither train.threads nor --threads is set; the default is all cores. Under "
       "mpirun, a rank uses its share of the cores instead"},
      {"OMP_WAIT_POLICY", "passive, active",
       "passive lets waiting threads sleep. Use it if other work keeps the cores busy: spinning "
       "threads starve each other"},
      {"NO_COLOR", "any", "the progress bar has no colours"},
      {"TERM", "", "no progress bar if it is unset or dumb"},
      {"OMPI_COMM_WORLD_SIZE, OMPI_COMM_WORLD_RANK, PMI_SIZE, PMI_RANK, SLURM_STEP_NUM_TASKS, "
       "SLURM_PROCID",
       "set by mpirun and srun",
       "number of processes, and the rank of this one. quench compare removes the launchers' "
       "variables from the environment of its runs"},
  };
  return variables;
}

}  // namespace quench::cli
