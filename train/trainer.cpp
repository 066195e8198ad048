#include "train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "core/communicator.h"
#include "core/ops/reduce.h"
#include "layers/batch_norm.h"
#include "layers/module.h"
#include "layers/quantized_layer.h"
#include "support/error.h"
#include "train/evaluate.h"
#include "train/rank_agreement.h"

namespace quench::train {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

BatchLoss loss_of_labels(const layers::LossOptions& options) {
  return [loss = layers::make_loss(options)](const Variable& logits, const datasets::Batch& batch) {
    return loss(logits, batch.labels);
  };
}

std::string non_finite_text(layers::Module& network, const datasets::Batch& batch, double loss) {
  const CommunicatorScope alone;  // other ranks may not take part
  const std::string layer = first_non_finite(network, batch.images);
  const std::string where =
      layer.empty() ? "every layer's output is finite, so it overflowed in the loss"
                    : layer + " is the first layer whose output contains NaN or infinity";
  return fmt::format("the loss is {}; {}; a smaller optimizer.lr may help",
                     std::isnan(loss) ? "NaN" : "infinite", where);
}

}  // namespace

TrainingError::TrainingError(std::int64_t epoch, std::int64_t step, const std::string& what)
    : std::runtime_error(fmt::format("epoch {}, step {}: {}", epoch, step, what)) {}

std::int64_t steps_per_epoch(const datasets::Loader& loader, std::int64_t limit) {
  const std::int64_t all = loader.batches_per_epoch();
  return limit == 0 ? all : std::min(all, limit);
}

Trainer::Trainer(layers::Module& network, datasets::Loader& loader, const TrainerOptions& options,
                 BatchLoss loss)
    : network_(network),
      loader_(loader),
      options_(options),
      span_{.epochs = options.epochs,
            .steps_per_epoch = train::steps_per_epoch(loader, options.max_steps_per_epoch)},
      optimizer_(
          make_optimizer(options.optimizer, trained_parameters(network, options.optimizer.train))),
      schedule_(options.optimizer.lr, options.schedule, span_),
      average_(network),
      loss_(loss ? std::move(loss) : loss_of_labels(options.loss)) {
  for (layers::BatchNorm* norm : layers::batch_norms(network_))
    norm->set_synchronized(options_.sync_batch_norm);
  for (layers::QuantizedLayer* layer : network_.quantized_layers()) {
    layer->set_precision(options_.precision);
    layer->set_integer_forward(options_.integer_forward);
  }
  begin_quantizers(network_);
  quantize_gradients();
}

void Trainer::begin_quantizers(layers::Module& network) const {
  quant::SharedInNetwork shared;
  layers::for_each_quantizer(network, [this, &shared](quant::Quantizer& quantizer) {
    quantizer.begin_training({.total_steps = span_.steps(),
                              .steps_per_epoch = span_.steps_per_epoch,
                              .adaptive_optimizer = optimizer_->adaptive(),
                              .seed = options_.seed,
                              .network = &shared});
  });
}

void Trainer::quantize_gradients() {
  if (options_.gradient_bits == 0) return;
  for (layers::QuantizedLayer* layer : network_.quantized_layers()) {
    if (!layer->weight_quantizer().quantizes()) continue;
    layer->set_gradient_quantizer(
        quant::GradientQuantizer(options_.gradient_bits, options_.seed, layer->name()));
  }
}

std::optional<EpochResult> Trainer::train_epoch(const std::function<bool()>& go_on) {
  if (done()) return std::nullopt;
  const auto start = std::chrono::steady_clock::now();
  const std::int64_t seen_before = progress_.seen, steps = span_.steps_per_epoch;
  if (options_.bn_freeze_epoch >= 0 && progress_.epoch >= options_.bn_freeze_epoch) {
    for (layers::BatchNorm* norm : layers::batch_norms(network_)) norm->set_training(false);
  }
  try {
    loader_.start_epoch(progress_.epoch, progress_.step_in_epoch);
    while (progress_.step_in_epoch < steps) {
      const auto batch = loader_.next();
      expect(batch.has_value(), "trainer: expected {} batches from its loader, got {}", steps,
             progress_.step_in_epoch);
      train_step(*batch);
      if (go_on && !go_on()) return std::nullopt;
    }
  } catch (const std::invalid_argument& error) {
    // Options were checked before the first step: here a quantizer or an operation rejected its
    // values.
    throw TrainingError(progress_.epoch + 1, std::min(progress_.step_in_epoch + 1, steps),
                        error.what());
  }
  const double seconds = seconds_since(start);
  const auto images = static_cast<double>(progress_.seen - seen_before);
  EpochResult result = finish_epoch();
  result.seconds = seconds;
  result.images_per_second = seconds > 0.0 ? images / seconds : 0.0;
  result.data_wait_s = loader_.seconds_waited();
  return result;
}

void Trainer::train_step(const datasets::Batch& batch) {
  optimizer_->zero_grad();
  for (layers::QuantizedLayer* layer : network_.quantized_layers()) {
    if (auto* gradient = layer->gradient_quantizer()) gradient->set_step(progress_.step);
  }
  const Variable logits = network_(Variable(batch.images));
  const Variable loss = loss_(logits, batch);
  const auto value = static_cast<double>(loss.value().item());
  const std::int64_t images = batch.labels.dim(0);
  const StepTotals totals = StepTotals{.loss_sum = value * static_cast<double>(images),
                                       .correct = count_correct(logits.value(), batch.labels),
                                       .images = images}
                                .over_ranks();
  if (!std::isfinite(totals.loss_sum)) explain_non_finite(batch, value);
  progress_.loss_sum += totals.loss_sum;
  progress_.correct += totals.correct;
  progress_.seen += totals.images;
  average_.backward(loss);
  if (schedule_.restarts_at(progress_.step)) optimizer_->reset();
  optimizer_->step(schedule_.at(progress_.step));
  layers::for_each_quantizer(
      network_, [this](quant::Quantizer& quantizer) { quantizer.step(progress_.step); });
  ++progress_.step;
  ++progress_.step_in_epoch;
  update_slots_at_limit(network_, {.epoch = progress_.epoch + 1, .step = progress_.step_in_epoch},
                        slots_at_limit_);
}

EpochResult Trainer::finish_epoch() {
  require_finite();
  const EpochResult result{.epoch = progress_.epoch + 1,
                           .loss = progress_.loss(),
                           .train_top1 = 100.0 * static_cast<double>(progress_.correct) /
                                         static_cast<double>(progress_.seen),
                           .lr = static_cast<double>(schedule_.at(progress_.step - 1))};
  progress_ = {.epoch = progress_.epoch + 1, .step = progress_.step};
  return result;
}

void Trainer::explain_non_finite(const datasets::Batch& batch, double loss) {
  throw TrainingError(
      progress_.epoch + 1, progress_.step_in_epoch + 1,
      first_text_of_ranks(std::isfinite(loss) ? "" : non_finite_text(network_, batch, loss)));
}

void Trainer::require_finite() const {
  const auto require = [this](const std::string& name, const Tensor& tensor) {
    const std::string value = first_non_finite(tensor);
    if (value.empty()) return;
    throw TrainingError(
        progress_.epoch + 1, progress_.step_in_epoch,
        fmt::format("{} contains {}; a smaller optimizer.lr may help", name, value));
  };
  for (const layers::Parameter& parameter : network_.parameters())
    require(parameter.name, parameter.value.value());
  for (const layers::Buffer& buffer : network_.buffers()) require(buffer.name, buffer.value);
}

}  // namespace quench::train
