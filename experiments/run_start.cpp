#include <algorithm>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>

#include "core/communicator.h"
#include "experiments/run.h"
#include "experiments/runs/class_names.h"
#include "experiments/runs/kept_checkpoints.h"
#include "experiments/runs/metrics_log.h"
#include "support/console.h"
#include "support/error.h"
#include "support/file.h"
#include "train/network_state.h"

// Where a Run begins: at another network's weights, or at a checkpoint of its own run.

namespace quench::train {
namespace {

namespace fs = std::filesystem;

/// The checkpoints other than the last.
struct OtherCheckpoints {
  fs::path newest;  // of those that are whole; empty: none
  bool best_is_damaged = false;
};

OtherCheckpoints other_checkpoints(const RunFolder& folder) {
  OtherCheckpoints others;
  std::optional<Position> newest;
  const auto consider = [&](const fs::path& path) {
    const Position position = position_of(path);
    if (newest && position <= *newest) return;
    newest = position;
    others.newest = path;
  };
  const auto try_to_consider = [&](const fs::path& path) {
    try {
      consider(path);
    } catch (const std::runtime_error&) {
      return false;
    }
    return true;
  };
  if (fs::exists(folder.best())) others.best_is_damaged = !try_to_consider(folder.best());
  for (const std::int64_t epoch : kept_epochs(folder.path()))
    try_to_consider(kept_checkpoint(folder.path(), epoch));
  return others;
}

/// Rank 0 says it for all.
void tell(const std::string& line) {
  if (communicator().is_root()) remark(line);
}

}  // namespace

void Run::start_from(const std::string& checkpoint) {
  const fs::path path = checkpoint_at(checkpoint);
  const TensorFile file = read_safetensors(path);
  load_weights(*network_, config_.model.name, file, path);
  if (config_.calibration) return;  // which chooses all grids anew
  const KeptQuantizers quantizers = load_trained_quantizers(*network_, file);
  if (!file.metadata.contains(kQuantizers)) return;  // a float network, or one of quench 0.1
  if (quantizers.kept == 0 && quantizers.fresh.empty()) return;
  tell(fmt::format("{}: {} quantizers stay as they were trained, {} begin anew", path.string(),
                   quantizers.kept, quantizers.fresh.size()));
  constexpr std::size_t kShown = 4;  // they tend to have one reason
  for (std::size_t i = 0; i < std::min(kShown, quantizers.fresh.size()); ++i)
    tell("  anew: " + quantizers.fresh[i]);
}

void Run::resume(const RunFolder& folder) {
  load_newest(folder);
  if (resumed_from_.empty()) return;
  const int ranks = communicator().size();
  if (checkpoint_.ranks != ranks) {
    fail("{}: expected the {} ranks that the run began with (mpirun -n {}), got {}",
         folder.path().string(), checkpoint_.ranks, checkpoint_.ranks, ranks);
  }
  require_classes(folder.path(), data_.train->class_names());
  const std::string images = count_images(data_);
  if (!checkpoint_.images.empty() && checkpoint_.images != images) {
    fail("{}: expected the images that the run began with ({}), got {}", folder.path().string(),
         checkpoint_.images, images);
  }
  require(checkpoint_.progress.epoch <= config_.train.epochs,
          "train.epochs: expected at least the {} epochs that {} has done, got {}",
          checkpoint_.progress.epoch, folder.path().string(), config_.train.epochs);
}

/// The last checkpoint; where it cannot be used, the newest of the others.
void Run::load_newest(const RunFolder& folder) {
  const auto load = [&](const fs::path& path) {
    checkpoint_ = load_checkpoint(path, *network_, config_.model.name, trainer_.optimizer());
    trainer_.set_progress(checkpoint_.progress);
    resumed_from_ = path.filename().string();
  };
  std::string fault = folder.last().string() + ": it is missing";
  if (fs::exists(folder.last())) {
    read_file(folder.last());  // throws on an I/O error, which does not mean damage
    try {
      return load(folder.last());
    } catch (const std::runtime_error& error) {
      fault = error.what();
    }
  }
  const OtherCheckpoints others = other_checkpoints(folder);
  if (others.newest.empty()) {
    // To start again would drop the metrics of epochs whose checkpoints are there, though damaged.
    const bool any = fs::exists(folder.last()) || fs::exists(folder.best()) ||
                     !kept_epochs(folder.path()).empty();
    if (any) fail("{}; no other checkpoint of the run is whole", fault);
    if (fs::exists(folder.metrics()) && !read_metrics(folder.metrics()).empty())
      tell(fmt::format("WARNING: {} has no checkpoint: it starts again at epoch 1",
                       folder.path().string()));
    return;
  }
  try {
    load(others.newest);
  } catch (const std::runtime_error&) {
    fail("{}", fault);  // it is the run that does not fit, not the file
  }
  tell("WARNING: " + fault);
  tell(fmt::format("  going on from {}: epoch {} and what came later are trained again",
                   others.newest.string(), checkpoint_.progress.epoch + 1));
  if (!others.best_is_damaged) return;
  checkpoint_.best_top1 = -1.0;
  tell(fmt::format("  {} is damaged too: the best of the epochs from here on takes its place",
                   folder.best().string()));
}

/// Drops what the folder holds of epochs after the checkpoint: they are trained again.
void Run::take_up(const RunFolder& folder) {
  truncate_metrics(folder, checkpoint_.progress.epoch);
  if (fs::exists(folder.metrics()))
    prune_kept_checkpoints(folder.path(), config_.train, read_metrics(folder.metrics()));
  if (!resumed_from_.empty() && resumed_from_ != folder.last().filename()) save(folder.last());
}

}  // namespace quench::train
