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

// The start of a Run: from another network's weights, or from a checkpoint of its own run.

namespace quench::experiments {
namespace {

namespace fs = std::filesystem;

/// The checkpoints other than the last one.
struct OtherCheckpoints {
  fs::path newest;  // of the intact ones; may be empty
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

/// Rank 0 prints for all.
void tell(const std::string& line) {
  if (communicator().is_root()) remark(line);
}

}  // namespace

void Run::start_from(const std::string& checkpoint) {
  const fs::path path = checkpoint_at(checkpoint);
  const TensorFile file = read_safetensors(path);
  train::load_weights(*network_, config_.model.name, file, path);
  if (config_.calibration) return;  // it chooses all grids again
  const train::KeptQuantizers quantizers = train::load_trained_quantizers(*network_, file);
  if (!file.metadata.contains(train::kQuantizers))
    return;  // a float network, or a file of quench 0.1
  if (quantizers.kept == 0 && quantizers.fresh.empty()) return;
  tell(fmt::format("{}: {} quantizers keep their trained state, {} start fresh", path.string(),
                   quantizers.kept, quantizers.fresh.size()));
  constexpr std::size_t kShown = 4;  // they usually share one reason
  for (std::size_t i = 0; i < std::min(kShown, quantizers.fresh.size()); ++i)
    tell("  fresh: " + quantizers.fresh[i]);
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

/// Loads the last checkpoint, or if that is unusable, the newest of the others.
void Run::load_newest(const RunFolder& folder) {
  const auto load = [&](const fs::path& path) {
    checkpoint_ = load_checkpoint(path, *network_, config_.model.name, trainer_.optimizer());
    trainer_.set_progress(checkpoint_.progress);
    trainer_.set_slots_at_limit(checkpoint_.at_limit);
    resumed_from_ = path.filename().string();
  };
  std::string fault = folder.last().string() + " does not exist";
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
    // Starting from scratch would drop metrics of epochs that have checkpoints, even damaged ones.
    const bool any = fs::exists(folder.last()) || fs::exists(folder.best()) ||
                     !kept_epochs(folder.path()).empty();
    if (any) fail("{}; the run has no other intact checkpoint", fault);
    if (fs::exists(folder.metrics()) && !read_metrics(folder.metrics()).empty())
      tell(fmt::format("WARNING: {} has no checkpoint: it starts again at epoch 1",
                       folder.path().string()));
    return;
  }
  try {
    load(others.newest);
  } catch (const std::runtime_error&) {
    fail("{}", fault);  // the run does not fit; the file is fine
  }
  tell("WARNING: " + fault);
  tell(fmt::format("  resuming from {}: epoch {} and later ones are trained again",
                   others.newest.string(), checkpoint_.progress.epoch + 1));
  if (!others.best_is_damaged) return;
  checkpoint_.best_top1 = -1.0;
  tell(fmt::format("  {} is damaged, too; the best epoch from here on replaces it",
                   folder.best().string()));
}

/// Drops the folder's records of epochs after the checkpoint: they are trained again.
void Run::take_up(const RunFolder& folder) {
  truncate_metrics(folder, checkpoint_.progress.epoch);
  if (fs::exists(folder.metrics()))
    prune_kept_checkpoints(folder.path(), config_.train, read_metrics(folder.metrics()));
  if (!resumed_from_.empty() && resumed_from_ != folder.last().filename()) save(folder.last());
}

}  // namespace quench::experiments
