#pragma once

#include <string>

namespace quench::command {

/// What a bug report needs: version and commit, the libraries, the CPU and which of its instruction sets
/// are in use. @throws std::runtime_error  for an unknown QUENCH_MAX_ISA
std::string version_text();

}  // namespace quench::command
