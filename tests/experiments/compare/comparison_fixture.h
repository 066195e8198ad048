#pragma once

#include <fstream>
#include <string>

#include "experiments/compare/comparison.h"
#include "temporary_folder.h"

namespace quench::experiments {

/// An experiment that loads in milliseconds.
inline std::filesystem::path write_small_experiment(const TemporaryFolder& folder) {
  std::ofstream(folder / "small.toml") << R"(
[model]
name = "binarynet"
width = 0.0625
[data]
train_size = 32
test_size = 16
[quant]
bits = 4
[train]
epochs = 2
batch_size = 16
)";
  return folder / "small.toml";
}

/// ste and none with seeds 3 and 5, of two epochs each.
inline Comparison small_comparison(const TemporaryFolder& folder,
                                   const std::vector<std::string>& overrides = {}) {
  return resolve_comparison(write_small_experiment(folder), overrides,
                            make_variants({}, {"quant.method=ste,none"}), {3, 5}, 2,
                            current_versions(3, {"quench", "compare"}));
}

}  // namespace quench::experiments
