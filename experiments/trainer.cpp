#include "experiments/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <stdexcept>

#include "core/communicator.h"
#include "datasets/loader.h"
#include "experiments/config/config.h"
#include "experiments/integer_check.h"
#include "experiments/post_training.h"
#include "experiments/rank_agreement.h"
#include "experiments/runs/kept_checkpoints.h"
#include "experiments/runs/layer_metrics.h"
#include "experiments/runs/metrics_log.h"
#include "experiments/runs/run_state.h"
#include "layers/batch_norm.h"
#include "layers/quantized_layer.h"
#include "ptq/fold.h"
#include "quant/quantizer.h"
#include "support/console.h"
#include "support/error.h"
#include "train/evaluate.h"
#include "train/lr_schedule.h"
#include "train/optimizer.h"

namespace quench::train {
namespace {

/// The rate of every step.
LrSchedule make_schedule(const ExperimentConfig& config, std::int64_t steps_per_epoch) {
  const TrainingSpan span{.epochs = config.train.epochs, .steps_per_epoch = steps_per_epoch};
  if (config.schedule.warmup_steps(steps_per_epoch) >= span.steps()) {
    config.root.table("schedule")
        .reject("warmup_epochs", fmt::format("less than train.epochs = {}", span.epochs));
  }
  return {config.optimizer.lr, config.schedule, span};
}

/// Optimizer steps of an epoch.
std::int64_t count_steps(const ExperimentConfig& config, const datasets::Loader& loader) {
  const std::int64_t all = loader.batches_per_epoch(), limit = config.train.max_steps_per_epoch;
  return limit == 0 ? all : std::min(all, limit);
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double seconds_since_1970() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::vector<ClassAccuracy> by_class(const Evaluation& evaluation,
                                    const std::vector<std::string>& names) {
  std::vector<ClassAccuracy> classes;
  for (std::size_t label = 0; label < names.size(); ++label) {
    classes.push_back({.name = names[label],
                       .quantized = evaluation.quantized.class_top1(label),
                       .floating = evaluation.floating.class_top1(label)});
  }
  return classes;
}

/// Rank 0 shows it for all.
ProgressOptions progress_of_rank() {
  return communicator().is_root() ? progress_on_terminal() : ProgressOptions{};
}

}  // namespace

Trainer::Trainer(ExperimentConfig config) : Trainer(std::move(config), nullptr) {}

Trainer::Trainer(ExperimentConfig config, const RunFolder& folder)
    : Trainer(std::move(config), &folder) {}

Trainer::Trainer(ExperimentConfig config, const RunFolder* resumed)
    : config_(std::move(config)),
      data_(load_data(config_)),
      network_(build_network(config_, data_.train->format())),
      optimizer_(make_optimizer(config_.optimizer,
                                trained_parameters(*network_, config_.optimizer.train))),
      average_(*network_),
      loss_(make_loss({.name = config_.train.loss,
                       .label_smoothing = static_cast<float>(config_.train.label_smoothing)})),
      label_loss_(make_loss({.name = config_.train.loss})),
      training_(training_loader(config_, data_.train)),
      evaluation_(evaluation_loader(config_, data_.evaluation())),
      steps_per_epoch_(count_steps(config_, *training_)),
      schedule_(make_schedule(config_, steps_per_epoch_)) {
  join_ranks();
  if (!config_.distill.teacher.empty()) distilled_loss_.emplace(config_, *data_.train, loss_);
  begin_quantizers(*network_);
  quantize_gradients();
  if (resumed != nullptr) resume(*resumed);
  if (resumed_from_.empty()) start();
  if (config_.train.verify_every > 0)
    require_integer_form(*network_, config_, data_, [this](Module& n) { begin_quantizers(n); });
  if (resumed == nullptr) return;
  communicator().barrier();  // others may still read the checkpoints that take_up() replaces
  if (communicator().is_root()) take_up(*resumed);
}

/// Before anything of the run is computed together.
void Trainer::join_ranks() {
  require_same_run(config_.resolved() + count_images(data_));
  require_same_network(*network_);
  for (BatchNorm* norm : batch_norms(*network_))
    norm->set_synchronized(config_.train.sync_batch_norm);
}

void Trainer::begin_quantizers(Module& network) {
  quant::SharedInNetwork shared;
  for_each_quantizer(network, [this, &shared](quant::Quantizer& quantizer) {
    quantizer.begin_training({.total_steps = config_.train.epochs * steps_per_epoch_,
                              .steps_per_epoch = steps_per_epoch_,
                              .adaptive_optimizer = optimizer_->adaptive(),
                              .seed = config_.train.seed,
                              .network = &shared});
  });
}

void Trainer::start() {
  const std::string& from = config_.train.init_from;
  if (!from.empty()) start_from(from);
  if (!config_.calibration || !is_quantized(*network_)) return;
  if (!from.empty()) require_uncalibrated(from);
  const auto images = calibration_loader(config_, *config_.calibration, data_.train);
  ProgressBar bar(progress_of_rank());
  apply_calibration(*network_, *config_.calibration, *images);
}

void Trainer::quantize_gradients() {
  if (config_.train.gradient_bits == 0) return;
  for (QuantizedLayer* layer : network_->quantized_layers()) {
    if (!layer->weight_quantizer().quantizes()) continue;
    layer->set_gradient_quantizer(
        quant::GradientQuantizer(config_.train.gradient_bits, config_.train.seed, layer->name()));
  }
}

RunResult Trainer::run(const RunFolder& folder, const std::function<bool()>& stop_requested,
                       std::optional<Position> until) {
  const auto start = std::chrono::steady_clock::now();
  RunResult result;
  std::optional<RunStateWriter> state;
  if (communicator().is_root())
    state.emplace(folder.path() / kRunStateFile, config_.train.epochs, steps_per_epoch_, progress_);
  const auto is_there = [&] { return until && position() >= *until; };
  const auto after_step = [&] {
    if (state) state->update(progress_);
    // The end of an epoch is reached once it is evaluated.
    const bool within = progress_.step_in_epoch < steps_per_epoch_;
    return any_rank(stop_requested()) || (within && is_there());
  };
  const auto train = [&] {
    ProgressBar bar(progress_of_rank());
    RunProgress shown(bar, work(), progress_);
    try {
      while (progress_.epoch < config_.train.epochs && !result.interrupted) {
        result.interrupted = is_there() || !train_epoch(folder, after_step, shown);
        if (state) state->update(progress_);
      }
    } catch (const std::invalid_argument& error) {
      // The settings were checked before the first step: this is a quantizer or an operation that met
      // numbers it has no answer for.
      fail_at(std::min(progress_.step_in_epoch + 1, steps_per_epoch_), error.what(), folder);
    }
  };
  try {
    train();
  } catch (const std::exception& error) {
    if (state) state->end(RunPhase::failed, progress_, error.what());
    throw;
  }
  if (state) state->end(result.interrupted ? RunPhase::stopped : RunPhase::done, progress_);
  result.epochs = progress_.epoch;
  result.seconds = seconds_since(start);
  return result;
}

void Trainer::freeze_batch_norm() {
  const auto has_come = [this](std::int64_t first) {
    return first >= 0 && progress_.epoch >= first;
  };
  if (has_come(config_.quant.folding.freeze_epoch)) freeze_folded_batch_norms(*network_);
  if (!has_come(config_.train.bn_freeze_epoch)) return;
  for (BatchNorm* norm : batch_norms(*network_)) norm->set_training(false);
}

RunWork Trainer::work() {
  return {.epochs = config_.train.epochs,
          .steps = steps_per_epoch_,
          .images = training_->images_in(1),
          .evaluated =
              images_to_evaluate(*network_, *evaluation_, *training_, config_.train.bn_batches)};
}

bool Trainer::train_epoch(const RunFolder& folder, const std::function<bool()>& stop_requested,
                          RunProgress& shown) {
  const auto start = std::chrono::steady_clock::now();
  const std::int64_t first_step = progress_.step_in_epoch;
  freeze_batch_norm();
  training_->start_epoch(progress_.epoch, first_step);
  shown.begin_epoch(progress_.epoch);
  while (progress_.step_in_epoch < steps_per_epoch_) {
    const auto batch = training_->next();
    train_step(*batch, folder);
    shown.add_step(progress_.loss_sum / static_cast<double>(progress_.seen));
    const bool save_now = config_.train.checkpoint_every_steps > 0 &&
                          progress_.step % config_.train.checkpoint_every_steps == 0;
    const bool stop = stop_requested();
    if (save_now || stop) save(folder, folder.last());
    if (stop) return false;
  }
  const double seconds = seconds_since(start);
  const auto images = static_cast<double>((steps_per_epoch_ - first_step) *
                                          config_.train.batch_size * communicator().size());
  finish_epoch(folder, seconds, seconds > 0.0 ? images / seconds : 0.0);
  return true;
}

Variable Trainer::loss_of(const Variable& logits, const datasets::Batch& batch) {
  return distilled_loss_ ? (*distilled_loss_)(logits, batch.images, batch.labels)
                         : loss_(logits, batch.labels);
}

void Trainer::train_step(const datasets::Batch& batch, const RunFolder& folder) {
  optimizer_->zero_grad();
  for (QuantizedLayer* layer : network_->quantized_layers()) {
    if (auto* gradient = layer->gradient_quantizer()) gradient->set_step(progress_.step);
  }
  const Variable logits = (*network_)(Variable(batch.images));
  const Variable loss = loss_of(logits, batch);
  const auto value = static_cast<double>(loss.value().item());
  const std::int64_t images = batch.labels.dim(0);
  const StepTotals totals = StepTotals{.loss_sum = value * static_cast<double>(images),
                                       .correct = count_correct(logits.value(), batch.labels),
                                       .images = images}
                                .over_ranks();
  if (!std::isfinite(totals.loss_sum)) explain_non_finite(batch, value, folder);
  progress_.loss_sum += totals.loss_sum;
  progress_.correct += totals.correct;
  progress_.seen += totals.images;
  average_.backward(loss);
  if (schedule_.restarts_at(progress_.step)) optimizer_->reset();
  optimizer_->step(schedule_.at(progress_.step));
  for_each_quantizer(*network_,
                     [this](quant::Quantizer& quantizer) { quantizer.step(progress_.step); });
  ++progress_.step;
  ++progress_.step_in_epoch;
}

void Trainer::verify_integers(const RunFolder& folder) {
  if (!verifies_after(progress_.epoch + 1, config_.train)) return;
  if (const auto mismatch = check_integers(*network_, *evaluation_, *training_, config_))
    fail_at(progress_.step_in_epoch, mismatch->text(), folder);
}

void Trainer::finish_epoch(const RunFolder& folder, double seconds, double images_per_second) {
  require_finite(folder);
  require_same_network(*network_);
  const double data_wait = training_->seconds_waited();  // before others use the loader
  const bool final_epoch = progress_.epoch + 1 == config_.train.epochs;
  // In the end the statistics stay: they are those of the network that is handed out.
  const Evaluation evaluation = evaluate_quantized_and_float(
      *network_, *evaluation_, *training_, config_.train.bn_batches,
      final_epoch ? StaleStatistics::replace : StaleStatistics::restore, label_loss_);
  verify_integers(folder);
  const double quantized = evaluation.quantized.top1();
  const auto seen = static_cast<double>(progress_.seen);
  const MetricsRow row{.epoch = progress_.epoch + 1,
                       .step = progress_.step,
                       .loss = progress_.loss_sum / seen,
                       .train_top1 = 100.0 * static_cast<double>(progress_.correct) / seen,
                       .top1_quantized = quantized,
                       .top1_float = evaluation.floating.top1(),
                       .alpha = alpha().value_or(0.0),
                       .lr = static_cast<double>(schedule_.at(progress_.step - 1)),
                       .images_per_second = images_per_second,
                       .seconds = seconds,
                       .data_wait_s = data_wait,
                       .loss_quantized = evaluation.quantized.loss(),
                       .loss_float = evaluation.floating.loss(),
                       .top5_quantized = evaluation.quantized.top5(),
                       .top5_float = evaluation.floating.top5()};
  const bool best = quantized > progress_.best_top1;
  WeightSigns signs = weight_signs(*network_);
  const LayerMetrics layers = layer_metrics(*network_, progress_.signs, signs);
  progress_ = {.epoch = progress_.epoch + 1,
               .step = progress_.step,
               .best_top1 = std::max(progress_.best_top1, quantized),
               .signs = std::move(signs)};
  // The row goes first: after a kill between the two, a resumed run drops the rows beyond its
  // checkpoint.
  if (communicator().is_root()) {
    log_epoch(folder, {.row = row,
                       .wall_time = seconds_since_1970(),
                       .layers = layers,
                       .classes = by_class(evaluation, data_.evaluation()->class_names())});
  }
  if (best) save(folder, folder.best());
  if (communicator().is_root()) keep_checkpoints(folder);
  save(folder, folder.last());
  if (!communicator().is_root()) return;
  const EpochLine line{.row = row,
                       .epochs = config_.train.epochs,
                       .quantized = is_quantized(*network_),
                       .has_alpha = alpha().has_value()};
  say(table_.lines(line, terminal_width(stdout)));
}

void Trainer::keep_checkpoints(const RunFolder& folder) {
  // Other runs go on even if somebody damages their metrics.csv.
  if (!keeps_checkpoints(config_.train)) return;
  const std::vector<MetricsRow> rows = read_metrics(folder.metrics());
  if (epochs_to_keep(config_.train, rows).contains(progress_.epoch))
    save(folder, kept_checkpoint(folder.path(), progress_.epoch));
  prune_kept_checkpoints(folder.path(), config_.train, rows);
}

void Trainer::save(const RunFolder& folder, const std::filesystem::path& path) {
  // A checkpoint that holds NaN is of no use to go on from.
  require_finite(folder);
  progress_.images = count_images(data_);
  progress_.ranks = communicator().size();
  if (!communicator().is_root()) return;
  save_checkpoint(path, *network_, config_.model.name, *optimizer_, progress_);
}

std::optional<double> Trainer::alpha() {
  std::optional<double> result;
  for_each_quantizer(*network_, [&result](quant::Quantizer& quantizer) {
    for (const auto& [name, value] : quantizer.metrics()) {
      if (name == "alpha") result = static_cast<double>(value);
    }
  });
  return result;
}

}  // namespace quench::train
