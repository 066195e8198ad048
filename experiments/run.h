#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "experiments/config/config.h"
#include "experiments/experiment.h"
#include "experiments/runs/checkpoint.h"
#include "experiments/runs/run_display.h"
#include "experiments/runs/run_folder.h"
#include "layers/module.h"
#include "train/evaluate.h"
#include "train/trainer.h"

namespace quench::experiments {

/// The result of a run.
struct RunResult {
  bool interrupted = false;
  std::int64_t epochs = 0;  ///< completed since the start of the run
  double seconds = 0.0;     ///< in this process
};

/// Trains one experiment into a run folder: a Trainer built from the config, plus checkpoints,
/// evaluation, metrics and progress.
///
/// Several ranks (core/communicator.h) each make a Run and train together like one process with the
/// ranks' combined batch of train.batch_size each; only rank 0 writes files and prints.
///
/// The same config, thread count and machine give the same bits, however often the run is killed
/// and resumed: batches, augmentation, learning rate and alpha are functions of the position, which
/// is saved with the weights.
class Run {
 public:
  /// Starts a run. Loads the data, builds the network, and calibrates it if the config has a
  /// [calibration] table; nothing is written yet.
  /// @throws std::invalid_argument, std::runtime_error  for settings or files that do not fit
  explicit Run(ExperimentConfig config);
  /// Resumes from the last checkpoint of `folder`. If it is damaged or missing, warns and resumes
  /// from the newest intact one. Starts from scratch if the folder has no checkpoint. Drops later
  /// lines of the folder's metrics.
  Run(ExperimentConfig config, const RunFolder& folder);

  /// Trains to the last epoch, or to `until`. Calls `stop_requested` after every step: if it
  /// returns true on any rank, saves the state and marks the result as interrupted.
  /// @throws std::runtime_error  if loss or weights become NaN or infinite, or integers differ from
  ///                             evaluation (train.verify_every), naming epoch, step and layer; the
  ///                             last checkpoint is kept
  RunResult train(const RunFolder& folder, const std::function<bool()>& stop_requested,
                  std::optional<Position> until = {});

  layers::Module& network() { return *network_; }
  const ExperimentConfig& config() const { return config_; }
  const Data& data() const { return data_; }
  Position position() const {
    return {checkpoint_.progress.epoch, checkpoint_.progress.step_in_epoch};
  }
  /// The name of the checkpoint from which the run resumed; empty if it did not resume.
  const std::string& resumed_from() const { return resumed_from_; }
  /// The learning rate of the next step.
  double next_lr() const { return static_cast<double>(trainer_.next_lr()); }

 private:
  Run(ExperimentConfig config, const RunFolder* resumed);
  train::Trainer make_trainer();
  void join_ranks();
  void start();
  void start_from(const std::string& from);
  void resume(const RunFolder& folder);
  void load_newest(const RunFolder& folder);
  void take_up(const RunFolder& folder);
  RunWork work();
  bool train_epoch(const RunFolder& folder, const std::function<bool()>& stops,
                   RunProgress& shown);  // false if stopped
  train::Evaluation evaluate(const train::EpochResult& epoch);
  void finish_epoch(const RunFolder& folder, const train::EpochResult& epoch);
  void save(const std::filesystem::path& path);
  void keep_checkpoints(const RunFolder& folder);

  ExperimentConfig config_;
  Data data_;
  std::unique_ptr<layers::Module> network_;
  std::unique_ptr<datasets::Loader> training_;
  std::unique_ptr<datasets::Loader> evaluation_;
  train::Trainer trainer_;
  layers::Loss label_loss_;  // for the evaluation images
  /// After the last step, or the last evaluated epoch.
  Checkpoint checkpoint_;
  std::string resumed_from_;
  EpochTable table_;
  train::SlotsAtLimit told_at_limit_;  // after the latest epoch
};

}  // namespace quench::experiments
