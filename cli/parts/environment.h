#pragma once

#include <string_view>
#include <vector>

namespace quench::cli {

/// An environment variable that the program reads.
struct EnvironmentVariable {
  std::string_view name;    ///< or several with the same effect: "PMI_SIZE, PMI_RANK"
  std::string_view values;  ///< "scalar, avx2, avx512"; empty: any
  std::string_view effect;
};

/// All variables that the program reads, for the manual page and docs/environment.md.
const std::vector<EnvironmentVariable>& environment_variables();

}  // namespace quench::cli
