#include "experiments/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "core/communicator.h"
#include "experiments/distill.h"
#include "experiments/integer_check.h"
#include "experiments/post_training.h"
#include "experiments/runs/kept_checkpoints.h"
#include "experiments/runs/layer_metrics.h"
#include "experiments/runs/metrics_log.h"
#include "experiments/runs/run_state.h"
#include "layers/quantized_layer.h"
#include "ptq/fold.h"
#include "support/console.h"
#include "support/error.h"
#include "train/evaluate.h"
#include "train/rank_agreement.h"

namespace quench::experiments {
namespace {

/// Converts a config to the trainer's options.
train::TrainerOptions trainer_options(const ExperimentConfig& config,
                                      const datasets::Loader& loader) {
  const TrainConfig& train = config.train;
  const train::TrainingSpan span{
      .epochs = train.epochs,
      .steps_per_epoch = train::steps_per_epoch(loader, train.max_steps_per_epoch)};
  if (config.schedule.warmup_steps(span.steps_per_epoch) >= span.steps()) {
    config.root.table("schedule")
        .reject("warmup_epochs", fmt::format("less than train.epochs = {}", train.epochs));
  }
  return {
      .epochs = train.epochs,
      .max_steps_per_epoch = train.max_steps_per_epoch,
      .optimizer = config.optimizer,
      .schedule = config.schedule,
      .loss = {.name = train.loss, .label_smoothing = static_cast<float>(train.label_smoothing)},
      .seed = train.seed,
      .bn_freeze_epoch = train.bn_freeze_epoch,
      .sync_batch_norm = train.sync_batch_norm,
      .gradient_bits = train.gradient_bits,
      .precision = train.precision,
      .integer_forward = train.integer_forward};
}

/// The loss of a run with a teacher; empty if it has none.
train::BatchLoss distilled_loss(const ExperimentConfig& config, const datasets::Dataset& images,
                                const layers::LossOptions& label_loss) {
  if (config.distill.teacher.empty()) return {};
  return DistilledLoss(config, images, layers::make_loss(label_loss));
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::vector<ClassAccuracy> by_class(const train::Evaluation& evaluation,
                                    const std::vector<std::string>& names) {
  std::vector<ClassAccuracy> classes;
  for (std::size_t label = 0; label < names.size(); ++label) {
    classes.push_back({.name = names[label],
                       .quantized = evaluation.quantized.class_top1(label),
                       .floating = evaluation.floating.class_top1(label)});
  }
  return classes;
}

/// Rank 0 shows the progress of all.
ProgressOptions progress_of_rank() {
  return communicator().is_root() ? progress_on_terminal() : ProgressOptions{};
}

/// For the message when a run fails.
std::string what_is_saved(const RunFolder& folder) {
  const std::filesystem::path last = folder.last();
  return std::filesystem::exists(last) ? "the last checkpoint is unharmed: " + last.string()
                                       : "no checkpoint was written yet";
}

}  // namespace

Run::Run(ExperimentConfig config) : Run(std::move(config), nullptr) {}

Run::Run(ExperimentConfig config, const RunFolder& folder) : Run(std::move(config), &folder) {}

Run::Run(ExperimentConfig config, const RunFolder* resumed)
    : config_(std::move(config)),
      data_(load_data(config_)),
      network_(build_network(config_, data_.train->format())),
      training_(training_loader(config_, data_.train)),
      evaluation_(evaluation_loader(config_, data_.evaluation())),
      trainer_(make_trainer()),
      label_loss_(layers::make_loss({.name = config_.train.loss})) {
  join_ranks();
  if (resumed != nullptr) resume(*resumed);
  if (resumed_from_.empty()) start();
  if (config_.train.verify_every > 0) {
    require_integer_form(*network_, config_, data_,
                         [this](layers::Module& copy) { trainer_.begin_quantizers(copy); });
  }
  if (resumed == nullptr) return;
  communicator().barrier();  // other ranks may still read the checkpoints that take_up() replaces
  if (communicator().is_root()) take_up(*resumed);
}

train::Trainer Run::make_trainer() {
  const train::TrainerOptions options = trainer_options(config_, *training_);
  return {*network_, *training_, options, distilled_loss(config_, *data_.train, options.loss)};
}

/// Called before the ranks compute anything together.
void Run::join_ranks() {
  train::require_same_run(config_.resolved() + count_images(data_));
  train::require_same_network(*network_);
}

void Run::start() {
  const std::string& from = config_.train.init_from;
  if (!from.empty()) start_from(from);
  if (!config_.calibration || !layers::is_quantized(*network_)) return;
  if (!from.empty()) require_uncalibrated(from);
  const auto images = calibration_loader(config_, *config_.calibration, data_.train);
  ProgressBar bar(progress_of_rank());
  apply_calibration(*network_, *config_.calibration, *images, config_.train.seed);
}

RunResult Run::train(const RunFolder& folder, const std::function<bool()>& stop_requested,
                     std::optional<Position> until) {
  const auto start = std::chrono::steady_clock::now();
  const train::Progress& progress = checkpoint_.progress;
  const std::int64_t steps = trainer_.steps_per_epoch();
  RunResult result;
  std::optional<RunStateWriter> state;
  if (communicator().is_root())
    state.emplace(folder.path() / kRunStateFile, config_.train.epochs, steps, progress);
  const auto is_there = [&] { return until && position() >= *until; };
  const auto stops = [&] {
    if (state) state->update(progress);
    // An epoch ends when it has been evaluated.
    const bool within = progress.step_in_epoch < steps;
    return train::any_rank(stop_requested()) || (within && is_there());
  };
  const auto fail_with = [&](const std::string& message) {
    if (state) state->end(RunPhase::failed, progress, message);
  };
  try {
    ProgressBar bar(progress_of_rank());
    RunProgress shown(bar, work(), progress);
    while (!trainer_.done() && !result.interrupted) {
      result.interrupted = is_there() || !train_epoch(folder, stops, shown);
      if (state) state->update(progress);
    }
  } catch (const train::TrainingError& error) {
    const std::string message = fmt::format("{}; {}", error.what(), what_is_saved(folder));
    fail_with(message);
    throw std::runtime_error(message);
  } catch (const std::exception& error) {
    fail_with(error.what());
    throw;
  }
  if (state) state->end(result.interrupted ? RunPhase::stopped : RunPhase::done, progress);
  result.epochs = progress.epoch;
  result.seconds = seconds_since(start);
  return result;
}

RunWork Run::work() {
  return {.epochs = config_.train.epochs,
          .steps = trainer_.steps_per_epoch(),
          .images = training_->images_in(1),
          .evaluated = train::images_to_evaluate(*network_, *evaluation_, *training_,
                                                 config_.train.bn_batches)};
}

bool Run::train_epoch(const RunFolder& folder, const std::function<bool()>& stops,
                      RunProgress& shown) {
  const std::int64_t epoch = checkpoint_.progress.epoch;
  const std::int64_t freeze = config_.quant.folding.freeze_epoch;
  if (freeze >= 0 && epoch >= freeze) ptq::freeze_folded_batch_norms(*network_);
  shown.begin_epoch(epoch);
  const std::optional<train::EpochResult> result = trainer_.train_epoch([&] {
    checkpoint_.progress = trainer_.progress();
    shown.add_step(checkpoint_.progress.loss());
    const std::int64_t every = config_.train.checkpoint_every_steps;
    const bool stop = stops();
    if (stop || (every > 0 && checkpoint_.progress.step % every == 0)) save(folder.last());
    return !stop;
  });
  if (result) finish_epoch(folder, *result);
  return result.has_value();
}

/// The work after an epoch's training, up to its row of metrics.
train::Evaluation Run::evaluate(const train::EpochResult& epoch) {
  try {
    train::require_same_network(*network_);
    // After the last epoch, the statistics are kept: they belong to the returned network.
    const bool final_epoch = epoch.epoch == config_.train.epochs;
    train::Evaluation evaluation = train::evaluate_quantized_and_float(
        *network_, *evaluation_, *training_, config_.train.bn_batches,
        final_epoch ? train::StaleStatistics::replace : train::StaleStatistics::restore,
        label_loss_);
    if (verifies_after(epoch.epoch, config_.train)) {
      if (const auto mismatch = check_integers(*network_, *evaluation_, *training_, config_))
        throw train::TrainingError(epoch.epoch, trainer_.steps_per_epoch(), mismatch->text());
    }
    return evaluation;
  } catch (const std::invalid_argument& error) {
    throw train::TrainingError(epoch.epoch, trainer_.steps_per_epoch(), error.what());
  }
}

void Run::finish_epoch(const RunFolder& folder, const train::EpochResult& epoch) {
  const train::Evaluation evaluation = evaluate(epoch);
  const double quantized = evaluation.quantized.top1();
  MetricsRow row{.epoch = epoch.epoch,
                 .step = trainer_.progress().step,
                 .loss = epoch.loss,
                 .train_top1 = epoch.train_top1,
                 .top1_quantized = quantized,
                 .top1_float = evaluation.floating.top1(),
                 .lr = epoch.lr,
                 .images_per_second = epoch.images_per_second,
                 .seconds = epoch.seconds,
                 .data_wait_s = epoch.data_wait_s,
                 .loss_quantized = evaluation.quantized.loss(),
                 .loss_float = evaluation.floating.loss(),
                 .top5_quantized = evaluation.quantized.top5(),
                 .top5_float = evaluation.floating.top5()};
  const std::vector<std::string_view> of_quantizers = add_quantizer_columns(*network_, row);
  const bool best = quantized > checkpoint_.best_top1;
  WeightSigns signs = weight_signs(*network_);
  const LayerMetrics layers =
      layer_metrics(*network_, checkpoint_.signs, signs, trainer_.slots_at_limit());
  checkpoint_ = {.progress = trainer_.progress(),
                 .best_top1 = std::max(checkpoint_.best_top1, quantized),
                 .signs = std::move(signs)};
  // The row is written first: after a kill between the two, a resumed run drops rows beyond its
  // checkpoint.
  // checkpoint.
  if (communicator().is_root()) {
    log_epoch(folder, {.row = row,
                       .wall_time = unix_time(),
                       .layers = layers,
                       .classes = by_class(evaluation, data_.evaluation()->class_names())});
  }
  if (best) save(folder.best());
  if (communicator().is_root()) keep_checkpoints(folder);
  save(folder.last());
  if (!communicator().is_root()) return;
  const EpochLine line{.row = row,
                       .epochs = config_.train.epochs,
                       .quantized = layers::is_quantized(*network_),
                       .of_quantizers = of_quantizers};
  say(table_.lines(line, terminal_width(stdout)));
  const train::SlotsAtLimit& at_limit = trainer_.slots_at_limit();
  for (const std::string& warning : train::limit_warnings(*network_, at_limit, told_at_limit_))
    remark(warning);
  told_at_limit_ = at_limit;
}

void Run::keep_checkpoints(const RunFolder& folder) {
  // Only these runs need metrics.csv; others continue even if it is damaged.
  if (!keeps_checkpoints(config_.train)) return;
  const std::vector<MetricsRow> rows = read_metrics(folder.metrics());
  if (epochs_to_keep(config_.train, rows).contains(checkpoint_.progress.epoch))
    save(kept_checkpoint(folder.path(), checkpoint_.progress.epoch));
  prune_kept_checkpoints(folder.path(), config_.train, rows);
}

void Run::save(const std::filesystem::path& path) {
  trainer_.require_finite();  // a run cannot resume from a checkpoint with NaN
  checkpoint_.images = count_images(data_);
  checkpoint_.ranks = communicator().size();
  checkpoint_.at_limit = trainer_.slots_at_limit();
  if (!communicator().is_root()) return;
  save_checkpoint(path, *network_, config_.model.name, trainer_.optimizer(), checkpoint_);
}

}  // namespace quench::experiments
