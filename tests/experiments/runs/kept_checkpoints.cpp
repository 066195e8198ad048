#include "experiments/runs/kept_checkpoints.h"

#include <doctest/doctest.h>

#include <fstream>

#include "temporary_folder.h"

namespace quench::experiments {
namespace {

using Epochs = std::set<std::int64_t>;

std::vector<MetricsRow> rows(const std::vector<double>& top1) {
  std::vector<MetricsRow> result;
  for (const double value : top1)
    result.push_back({.epoch = std::ssize(result) + 1, .top1_quantized = value});
  return result;
}

TEST_CASE("kept checkpoints: the last, the best, every n-th, and the union of the rules") {
  const auto done = rows({10, 40, 30, 40, 20, 50});
  CHECK(epochs_to_keep({}, done).empty());
  CHECK(epochs_to_keep({.keep_last = 2}, done) == Epochs{5, 6});
  CHECK(epochs_to_keep({.keep_every = 3}, done) == Epochs{3, 6});
  CHECK(epochs_to_keep({.keep_best = 2}, done) == Epochs{2, 6});  // of equals the first
  CHECK(epochs_to_keep({.keep_last = 1, .keep_best = 3, .keep_every = 5}, done) ==
        Epochs{2, 4, 5, 6});
  CHECK(epochs_to_keep({.keep_last = 9, .keep_best = 9}, done) == Epochs{1, 2, 3, 4, 5, 6});
  CHECK(epochs_to_keep({.keep_last = 9, .keep_best = 9}, {}).empty());
}

TEST_CASE("kept checkpoints: old ones are removed, other files and other runs' are not") {
  const TemporaryFolder folder;
  for (const char* name : {"epoch-1.safetensors", "epoch-2.safetensors", "epoch-10.safetensors",
                           "epoch-x.safetensors", "epoch-2.txt", "last.safetensors"})
    std::ofstream(folder / name) << "x";
  CHECK(kept_epochs(folder.path()) == std::vector<std::int64_t>{1, 2, 10});
  CHECK(kept_checkpoint(folder.path(), 10) == folder / "epoch-10.safetensors");
  prune_kept_checkpoints(folder.path(), {}, rows({10, 20}));
  CHECK(kept_epochs(folder.path()) == std::vector<std::int64_t>{1, 2, 10});
  prune_kept_checkpoints(folder.path(), {.keep_last = 1}, rows({10, 20}));
  CHECK(kept_epochs(folder.path()) == std::vector<std::int64_t>{2});
  CHECK(std::filesystem::exists(folder / "epoch-x.safetensors"));
  CHECK(std::filesystem::exists(folder / "epoch-2.txt"));
}

}  // namespace
}  // namespace quench::experiments
