#pragma once

#include <string>

namespace quench::command {

/// The instruction sets that this build uses throughout (meson option march) and this CPU lacks, e.g.
/// "avx2 avx512f"; empty if it lacks none. What the kernels of deploy/ choose when they run is not
/// among them.
std::string missing_cpu_features();

}  // namespace quench::command
