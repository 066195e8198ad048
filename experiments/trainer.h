#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "experiments/config/config.h"
#include "experiments/distill.h"
#include "experiments/experiment.h"
#include "experiments/runs/checkpoint.h"
#include "experiments/runs/epoch_table.h"
#include "experiments/runs/metrics.h"
#include "experiments/runs/run_folder.h"
#include "experiments/runs/run_progress.h"
#include "layers/loss.h"
#include "layers/module.h"
#include "train/lr_schedule.h"
#include "train/optimizer.h"
#include "train/rank_average.h"

namespace quench::train {

/// How a run ended.
struct RunResult {
  bool interrupted = false;
  std::int64_t epochs = 0;  ///< completed since the start of the run
  double seconds = 0.0;     ///< of this process
};

/// Trains one experiment into a run folder, from the start or from the folder's last checkpoint.
///
/// Several ranks (core/communicator.h) each make a Trainer and train as one process would with a batch
/// of train.batch_size for each of them; rank 0 alone writes and speaks.
///
/// The same config, thread count and machine give the same bits, however often the run was killed
/// and resumed: batches, augmentation, learning rate and alpha are functions of the position, and
/// the position is saved with the weights.
class Trainer {
 public:
  /// A run from its start. Loads the data, builds the network, and calibrates it if the config has
  /// a [calibration] table; nothing is written yet.
  /// @throws std::invalid_argument, std::runtime_error  for settings or files that do not fit
  explicit Trainer(ExperimentConfig config);
  /// Resumes from the last checkpoint of `folder`. If that is damaged or missing, warns and resumes
  /// from the newest whole one; starts from scratch if the folder has no checkpoint. Later lines of
  /// the folder's metrics are dropped.
  Trainer(ExperimentConfig config, const RunFolder& folder);

  /// Runs to the last epoch, or to `until`. `stop_requested` is asked after every step: when it says yes,
  /// on any rank, the state is saved and the result marked interrupted.
  /// @throws std::runtime_error  if loss or weights become NaN or infinite, or integers differ from
  ///                             evaluation (train.verify_every), naming epoch, step and layer; the
  ///                             last checkpoint stays
  RunResult run(const RunFolder& folder, const std::function<bool()>& stop_requested,
                std::optional<Position> until = {});

  Module& network() { return *network_; }
  const ExperimentConfig& config() const { return config_; }
  const Data& data() const { return data_; }
  Position position() const { return {progress_.epoch, progress_.step_in_epoch}; }
  /// The name of the checkpoint in its folder that the run went on from; empty: it started.
  const std::string& resumed_from() const { return resumed_from_; }
  /// The learning rate of the next step.
  double next_lr() const { return static_cast<double>(schedule_.at(progress_.step)); }

 private:
  Trainer(ExperimentConfig config, const RunFolder* resumed);
  void begin_quantizers(Module& network);
  void join_ranks();
  void start();
  void start_from(const std::string& checkpoint);
  void resume(const RunFolder& folder);
  void load_newest(const RunFolder& folder);
  void take_up(const RunFolder& folder);
  void quantize_gradients();
  void freeze_batch_norm();
  RunWork work();
  bool train_epoch(const RunFolder& folder, const std::function<bool()>& stop_requested,
                   RunProgress& shown);  // false if stopped
  Variable loss_of(const Variable& logits, const datasets::Batch& batch);
  void train_step(const datasets::Batch& batch, const RunFolder& folder);
  [[noreturn]] void fail_at(std::int64_t step, const std::string& what,
                            const RunFolder& folder) const;
  [[noreturn]] void explain_non_finite(const datasets::Batch& batch, double loss,
                                       const RunFolder& folder);
  void require_finite(const RunFolder& folder);
  void verify_integers(const RunFolder& folder);
  void finish_epoch(const RunFolder& folder, double seconds, double images_per_second);
  void save(const RunFolder& folder, const std::filesystem::path& path);
  void keep_checkpoints(const RunFolder& folder);
  std::optional<double> alpha();

  ExperimentConfig config_;
  Data data_;
  std::unique_ptr<Module> network_;
  std::unique_ptr<Optimizer> optimizer_;
  RankAverage average_;
  Loss loss_;
  Loss label_loss_;                              // of images the run is evaluated on
  std::optional<DistilledLoss> distilled_loss_;  // of a run with a teacher
  std::unique_ptr<datasets::Loader> training_;
  std::unique_ptr<datasets::Loader> evaluation_;
  std::int64_t steps_per_epoch_;
  LrSchedule schedule_;
  Progress progress_;
  std::string resumed_from_;
  EpochTable table_;
};

}  // namespace quench::train
