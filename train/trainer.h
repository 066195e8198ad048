#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "datasets/loader.h"
#include "layers/loss.h"
#include "layers/module.h"
#include "train/lr_schedule.h"
#include "train/optimizer.h"
#include "train/rank_average.h"

namespace quench::train {

/// What a step makes smaller: takes the logits [N, classes] of a batch to a loss of one element, averaged
/// over the batch.
using BatchLoss = std::function<Variable(const Variable& logits, const datasets::Batch& batch)>;

struct TrainerOptions {
  std::int64_t epochs = 10;
  std::int64_t max_steps_per_epoch = 0;  ///< 0 is all batches of the loader
  OptimizerOptions optimizer = {};
  ScheduleOptions schedule = {};
  LossOptions loss = {};
  std::uint64_t seed = 1;  ///< of quantizers that draw random numbers
  /// From this epoch on, counted from 0, batch norm normalizes by its running statistics and leaves
  /// them as they are; -1 is never.
  std::int64_t bn_freeze_epoch = -1;
  /// Whether ranks that train together (core/communicator.h) normalize by the batch of all of them, as
  /// one process would, or each by its own.
  bool sync_batch_norm = true;
  /// DoReFa: bits, 1 to 8, of the gradient that arrives at the output of each layer with a quantized
  /// weight, see quant/gradient_quantizer.h; 0 is off.
  int gradient_bits = 0;
};

/// Where a training stands between two steps, and what it has summed up in the epoch so far. With the
/// network, its quantizers and the optimizer, all that is needed to go on: what random streams yield
/// follows from the seed and this position.
struct Progress {
  std::int64_t epoch = 0;          ///< the epoch in progress, from 0
  std::int64_t step_in_epoch = 0;  ///< batches of it that are done
  std::int64_t step = 0;           ///< optimizer steps since the start
  double loss_sum = 0.0;           ///< over the images seen in this epoch, of all ranks
  std::int64_t correct = 0;        ///< of them, as the training forward pass classified them
  std::int64_t seen = 0;

  /// Mean loss over the images seen in this epoch; 0 before the first.
  double loss() const { return seen > 0 ? loss_sum / static_cast<double>(seen) : 0.0; }
};

/// An epoch that was trained.
struct EpochResult {
  std::int64_t epoch = 0;   ///< from 1
  double loss = 0.0;        ///< mean over its images
  double train_top1 = 0.0;  ///< percent, of the training forward passes
  double lr = 0.0;          ///< at its last step
  // Of what this process did of the epoch:
  double seconds = 0.0;
  double images_per_second = 0.0;  ///< of all ranks
  double data_wait_s = 0.0;        ///< of the seconds, how long steps waited for images
};

/// A training that cannot go on: its loss or weights became NaN or infinite, or an operation refused what
/// it met. what() begins with epoch and step, both from 1.
class TrainingError : public std::runtime_error {
 public:
  TrainingError(std::int64_t epoch, std::int64_t step, const std::string& what);
};

/// Trains a network on the batches of a loader.
///
///   Trainer trainer(network, loader, {.epochs = 5, .optimizer = {.name = "adam", .lr = 1e-3}});
///   while (const auto epoch = trainer.train_epoch()) {
///     const Accuracy accuracy = evaluate(network, test_loader, quant::Mode::evaluation);
///     ...
///   }
///
/// The same network, loader, options, thread count and machine give the same bits, also across a stop
/// and set_progress().
///
/// Several ranks (core/communicator.h) each make a Trainer, with a loader that has their part of the
/// batches, and make the same calls: they train as one process would with the whole batches.
class Trainer {
 public:
  /// Freezes the parameters that options.optimizer.train does not list, and tells the quantizers of the
  /// training. Network and loader outlive the trainer.
  /// @param loss  minimized in place of the one that options.loss names, for example a distance to a
  ///              teacher's logits
  /// @throws std::invalid_argument  for options out of range
  Trainer(Module& network, datasets::Loader& loader, const TrainerOptions& options,
          BatchLoss loss = {});

  /// Trains the epoch in progress to its end.
  /// @param go_on  asked after every step; if it says no, the epoch stops there
  /// @return the epoch; nothing if it was stopped, or if all epochs are done
  /// @throws TrainingError
  std::optional<EpochResult> train_epoch(const std::function<bool()>& go_on = {});
  bool done() const { return progress_.epoch >= options_.epochs; }

  const Progress& progress() const { return progress_; }
  /// Goes on from another place, whose network, quantizers and optimizer the caller has restored.
  void set_progress(const Progress& progress) { progress_ = progress; }

  Optimizer& optimizer() { return *optimizer_; }
  std::int64_t steps_per_epoch() const { return span_.steps_per_epoch; }
  /// The learning rate of the next step.
  float next_lr() const { return schedule_.at(progress_.step); }

  /// Tells the quantizers of `network` of the training: of a copy, what the trainer's own were told.
  void begin_quantizers(Module& network) const;
  /// @throws TrainingError  if a parameter or buffer holds NaN or infinity, naming it
  void require_finite() const;

 private:
  void quantize_gradients();
  void train_step(const datasets::Batch& batch);
  EpochResult finish_epoch();
  [[noreturn]] void explain_non_finite(const datasets::Batch& batch, double loss);

  Module& network_;
  datasets::Loader& loader_;
  TrainerOptions options_;
  TrainingSpan span_;
  std::unique_ptr<Optimizer> optimizer_;
  LrSchedule schedule_;
  RankAverage average_;
  BatchLoss loss_;
  Progress progress_;
};

/// Optimizer steps of an epoch that takes at most `limit` batches of the loader; 0 is no limit.
std::int64_t steps_per_epoch(const datasets::Loader& loader, std::int64_t limit);

}  // namespace quench::train
