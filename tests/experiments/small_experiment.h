#pragma once

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "experiments/config/config.h"
#include "temporary_folder.h"

namespace quench::experiments {

inline void write_text(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

inline std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// BinaryNet at 1/16 of its width on 64 drawn images, four steps per epoch, for two epochs.
inline ExperimentConfig small_experiment(const std::vector<std::string>& overrides = {}) {
  const TemporaryFolder folder;
  write_text(folder / "small.toml", R"(
[model]
name = "binarynet"
width = 0.0625
[data]
train_size = 64
test_size = 16
crop_padding = 2
horizontal_flip = true
[quant]
first_layer = { activation = { method = "none" } }
[optimizer]
lr = 3e-3
[train]
epochs = 2
batch_size = 16
bn_batches = 2
seed = 3
)");
  return load_experiment(folder / "small.toml", overrides);
}

/// The four kinds of network whose state differs.
inline const std::vector<std::vector<std::string>> kQuantizations{
    {},
    {"quant.method=ste", "quant.bits=1"},
    {"quant.method=ste", "quant.bits=4", "quant.granularity=per_channel"},
    {"quant.method=ab", "quant.bits=1"},
    {"quant.method=ab", "quant.bits=4", "quant.ab.project_every=3"},
    {"quant.method=tqt", "quant.bits=4", "quant.tqt.freeze=true", "quant.tqt.freeze_start=3",
     "quant.tqt.freeze_every=1"},
};

}  // namespace quench::experiments
