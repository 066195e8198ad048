#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "autograd/product.h"
#include "datasets/loader.h"
#include "layers/loss.h"
#include "layers/module.h"
#include "train/lr_schedule.h"
#include "train/optimizer.h"
#include "train/rank_average.h"
#include "train/slots_at_limit.h"

namespace quench::train {

/// The function to minimize: maps a batch's logits [N, classes] to a one-element loss, averaged
/// over the batch.
using BatchLoss = std::function<Variable(const Variable& logits, const datasets::Batch& batch)>;

struct TrainerOptions {
  std::int64_t epochs = 10;
  std::int64_t max_steps_per_epoch = 0;  ///< 0: all batches of the loader
  OptimizerOptions optimizer = {};
  ScheduleOptions schedule = {};
  layers::LossOptions loss = {};
  std::uint64_t seed = 1;  ///< for quantizers that draw random numbers
  /// From this epoch on (counted from 0), batch norm normalizes with its running statistics and no
  /// longer updates them; -1: never.
  std::int64_t bn_freeze_epoch = -1;
  /// Whether ranks that train together (core/communicator.h) normalize over the batches of all
  /// ranks, as one process would, or each over its own.
  bool sync_batch_norm = true;
  /// DoReFa: bits (1 to 8) of the gradient at the output of each layer with a quantized weight, see
  /// quant/gradient_quantizer.h; 0: off.
  int gradient_bits = 0;
  Precision precision = Precision::float32;  ///< see QuantizedLayer::set_precision
  bool integer_forward = true;               ///< see QuantizedLayer::set_integer_forward
};

/// The position of a training between two steps, and the sums of the epoch so far. Together with
/// the network, its quantizers and the optimizer, this is all that resuming needs: random streams
/// depend only on the seed and this position.
struct Progress {
  std::int64_t epoch = 0;          ///< the epoch in progress, from 0
  std::int64_t step_in_epoch = 0;  ///< completed batches of the epoch
  std::int64_t step = 0;           ///< optimizer steps since the start
  double loss_sum = 0.0;           ///< over the images seen in this epoch, on all ranks
  std::int64_t correct = 0;        ///< correctly classified images, in the training forward passes
  std::int64_t seen = 0;

  /// The mean loss over the images seen in this epoch; 0 before the first.
  double loss() const { return seen > 0 ? loss_sum / static_cast<double>(seen) : 0.0; }
};

/// The results of one training epoch.
struct EpochResult {
  std::int64_t epoch = 0;   ///< from 1
  double loss = 0.0;        ///< mean over its images
  double train_top1 = 0.0;  ///< percent, in the training forward passes
  double lr = 0.0;          ///< at its last step
  // For the part of the epoch that this process trained:
  double seconds = 0.0;
  double images_per_second = 0.0;  ///< of all ranks
  double data_wait_s = 0.0;        ///< the part of the seconds spent waiting for images
};

/// Thrown when training cannot continue: its loss or weights became NaN or infinite, or an
/// operation rejected its input. what() starts with epoch and step, both counted from 1.
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
/// The same network, loader, options, thread count and machine give the same bits, even across a
/// stop and set_progress().
///
/// With several ranks (core/communicator.h), each makes a Trainer with a loader for its part of the
/// batches, and all make the same calls: they train like one process with whole batches.
class Trainer {
 public:
  /// Freezes the parameters that options.optimizer.train does not list, and passes the training
  /// plan to the quantizers. Network and loader must outlive the trainer.
  /// @param loss  minimized instead of options.loss, e.g. a distance to a teacher's logits
  /// @throws std::invalid_argument  for options out of range
  Trainer(layers::Module& network, datasets::Loader& loader, const TrainerOptions& options,
          BatchLoss loss = {});

  /// Trains the current epoch to its end.
  /// @param go_on  called after every step; if it returns false, the epoch stops there
  /// @return the epoch; nullopt if it was stopped, or if all epochs are done
  /// @throws TrainingError
  std::optional<EpochResult> train_epoch(const std::function<bool()>& go_on = {});
  bool done() const { return progress_.epoch >= options_.epochs; }

  const Progress& progress() const { return progress_; }
  /// Continues from another position, for which the caller has restored network, quantizers and
  /// optimizer.
  void set_progress(const Progress& progress) { progress_ = progress; }

  /// The slots at a limit after the latest step. A caller that resumes restores them.
  const SlotsAtLimit& slots_at_limit() const { return slots_at_limit_; }
  void set_slots_at_limit(SlotsAtLimit slots) { slots_at_limit_ = std::move(slots); }

  Optimizer& optimizer() { return *optimizer_; }
  std::int64_t steps_per_epoch() const { return span_.steps_per_epoch; }
  /// The learning rate of the next step.
  float next_lr() const { return schedule_.at(progress_.step); }

  /// Passes the training plan to the quantizers of `network`, a copy of the trainer's network.
  void begin_quantizers(layers::Module& network) const;
  /// @throws TrainingError  if a parameter or buffer contains NaN or infinity, naming it
  void require_finite() const;

 private:
  void quantize_gradients();
  void train_step(const datasets::Batch& batch);
  EpochResult finish_epoch();
  [[noreturn]] void explain_non_finite(const datasets::Batch& batch, double loss);

  layers::Module& network_;
  datasets::Loader& loader_;
  TrainerOptions options_;
  TrainingSpan span_;
  std::unique_ptr<Optimizer> optimizer_;
  LrSchedule schedule_;
  RankAverage average_;
  BatchLoss loss_;
  Progress progress_;
  SlotsAtLimit slots_at_limit_;
};

/// The optimizer steps of an epoch with at most `limit` batches of the loader; 0: no limit.
std::int64_t steps_per_epoch(const datasets::Loader& loader, std::int64_t limit);

}  // namespace quench::train
