#include "train/evaluate.h"

#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "core/communicator.h"
#include "core/ops/reduce.h"
#include "layers/batch_norm.h"
#include "layers/module.h"
#include "layers/quantized_layer.h"
#include "support/error.h"
#include "support/progress.h"

namespace quench::train {
namespace {

/// While it is alive, averages the statistics of all batches, over all ranks, whether or not
/// training synchronizes them.
class PlainAverage {
 public:
  explicit PlainAverage(std::vector<layers::BatchNorm*> norms) : norms_(std::move(norms)) {
    for (layers::BatchNorm* norm : norms_) {
      params_.push_back(norm->params());
      norm->set_synchronized(true);
      norm->set_training(true);
    }
  }
  ~PlainAverage() {
    for (std::size_t i = 0; i < norms_.size(); ++i) {
      norms_[i]->set_momentum(params_[i].momentum);
      norms_[i]->set_synchronized(params_[i].synchronized);
    }
  }
  PlainAverage(const PlainAverage&) = delete;
  PlainAverage& operator=(const PlainAverage&) = delete;

  void begin_batch(std::int64_t k) {
    // At k = 0 the new batch has weight 1, so the old statistics do not count.
    for (layers::BatchNorm* norm : norms_) norm->set_momentum(1.0f / static_cast<float>(k + 1));
  }

 private:
  std::vector<layers::BatchNorm*> norms_;
  std::vector<BatchNormParams> params_;
};

void count_top1(const Tensor& logits, const Tensor& labels, Accuracy& accuracy) {
  const Tensor predicted = argmax(logits);
  accuracy.class_correct.resize(static_cast<std::size_t>(logits.dim(1)));
  accuracy.class_images.resize(accuracy.class_correct.size());
  for (std::int64_t row = 0; row < labels.dim(0); ++row) {
    const std::int32_t label = labels.data<std::int32_t>()[row];
    const std::int64_t correct = predicted.data<std::int32_t>()[row] == label ? 1 : 0;
    accuracy.correct += correct;
    accuracy.class_correct.at(static_cast<std::size_t>(label)) += correct;
    ++accuracy.class_images.at(static_cast<std::size_t>(label));
  }
}

Accuracy evaluate_float(layers::Module& network, datasets::Loader& images,
                        datasets::Loader& training, std::int64_t bn_batches,
                        const layers::Loss& loss) {
  const BufferGuard guard(network);
  reestimate_batch_norm(network, training, bn_batches, quant::Mode::bypass);
  return evaluate(network, images, quant::Mode::bypass, loss);
}

}  // namespace

std::int64_t count_correct(const Tensor& logits, const Tensor& labels) {
  const Tensor predicted = argmax(logits);
  require(labels.shape() == predicted.shape(), "count_correct: expected labels {}, got {}",
          predicted.shape().to_string(), labels.shape().to_string());
  std::int64_t correct = 0;
  for (std::int64_t row = 0; row < labels.dim(0); ++row) {
    correct += predicted.data<std::int32_t>()[row] == labels.data<std::int32_t>()[row] ? 1 : 0;
  }
  return correct;
}

std::int64_t count_in_top(int k, const Tensor& logits, const Tensor& labels) {
  require(logits.rank() == 2 && labels.shape() == Shape{logits.dim(0)},
          "count_in_top: expected logits [N, classes] and labels [N], got {} and {}",
          logits.shape().to_string(), labels.shape().to_string());
  std::int64_t found = 0;
  for (std::int64_t row = 0; row < logits.dim(0); ++row) {
    const float* values = logits.data() + row * logits.dim(1);
    const std::int64_t label = labels.data<std::int32_t>()[row];
    const float own = values[label];
    std::int64_t ahead = 0;
    // Written so that a label with a NaN logit ranks last.
    for (std::int64_t c = 0; c < logits.dim(1); ++c)
      ahead += values[c] == own ? c < label : !(values[c] < own);
    found += ahead < k ? 1 : 0;
  }
  return found;
}

double Accuracy::class_top1(std::size_t label) const {
  return class_images.at(label) == 0 ? std::numeric_limits<double>::quiet_NaN()
                                     : percent(class_correct.at(label), class_images.at(label));
}

Accuracy evaluate(const std::function<Tensor(const Tensor&)>& network, datasets::Loader& loader,
                  const layers::Loss& loss) {
  const NoGradGuard no_grad;
  Accuracy accuracy;
  progress_bar().set_note("evaluation");
  loader.start_epoch(0);
  while (const auto batch = loader.next()) {
    const Tensor logits = network(batch->images);
    const std::int64_t images = batch->labels.dim(0);
    count_top1(logits, batch->labels, accuracy);
    accuracy.correct_top5 += count_in_top(5, logits, batch->labels);
    accuracy.images += images;
    progress_bar().advance(images);
    if (loss) {
      const float mean = loss(Variable(logits), batch->labels).value().item();
      accuracy.loss_sum += static_cast<double>(mean) * static_cast<double>(images);
    }
  }
  return accuracy;
}

Accuracy evaluate(layers::Module& network, datasets::Loader& loader, quant::Mode mode,
                  const layers::Loss& loss) {
  const NoGradGuard no_grad;
  const layers::ModeGuard modes(network, false, mode);
  Accuracy accuracy = evaluate(
      [&network](const Tensor& images) { return network(Variable(images)).value(); }, loader, loss);
  std::array counts{accuracy.correct, accuracy.correct_top5, accuracy.images};
  communicator().sum(counts);
  accuracy.correct = counts[0];
  accuracy.correct_top5 = counts[1];
  accuracy.images = counts[2];
  accuracy.loss_sum = sum_over_ranks(accuracy.loss_sum);
  // A rank without images does not know the number of classes.
  const auto classes =
      static_cast<std::size_t>(max_over_ranks(static_cast<double>(accuracy.class_correct.size())));
  accuracy.class_correct.resize(classes);
  accuracy.class_images.resize(classes);
  communicator().sum(accuracy.class_correct);
  communicator().sum(accuracy.class_images);
  return accuracy;
}

void reestimate_batch_norm(layers::Module& network, datasets::Loader& loader, std::int64_t batches,
                           quant::Mode mode) {
  const std::vector<layers::BatchNorm*> norms = layers::batch_norms(network);
  if (norms.empty() || batches == 0) return;
  const NoGradGuard no_grad;
  const layers::ModeGuard modes(network, false, mode);
  PlainAverage average(norms);
  progress_bar().set_note("batch norm");
  loader.start_epoch(0);
  for (std::int64_t k = 0; k < batches; ++k) {
    const auto batch = loader.next();
    if (!batch) break;
    average.begin_batch(k);
    network(Variable(batch->images));
    progress_bar().advance(batch->labels.dim(0));
  }
}

bool has_stale_batch_norm(layers::Module& network) {
  bool stale = false;
  layers::for_each_quantizer(
      network, [&stale](quant::Quantizer& quantizer) { stale |= quantizer.stale_batch_norm(); });
  return stale;
}

void reestimate_stale_batch_norm(layers::Module& network, datasets::Loader& training,
                                 std::int64_t bn_batches) {
  if (has_stale_batch_norm(network))
    reestimate_batch_norm(network, training, bn_batches, quant::Mode::evaluation);
}

Evaluation evaluate_quantized_and_float(layers::Module& network, datasets::Loader& images,
                                        datasets::Loader& training, std::int64_t bn_batches,
                                        StaleStatistics stale, const layers::Loss& loss) {
  if (!layers::is_quantized(network)) {
    const Accuracy accuracy = evaluate(network, images, quant::Mode::bypass, loss);
    return {accuracy, accuracy};
  }
  Evaluation result;
  result.floating = evaluate_float(network, images, training, bn_batches, loss);
  std::optional<BufferGuard> guard;
  if (stale == StaleStatistics::restore && has_stale_batch_norm(network)) guard.emplace(network);
  reestimate_stale_batch_norm(network, training, bn_batches);
  result.quantized = evaluate(network, images, quant::Mode::evaluation, loss);
  return result;
}

std::int64_t images_to_evaluate(layers::Module& network, const datasets::Loader& images,
                                const datasets::Loader& training, std::int64_t bn_batches) {
  const std::int64_t pass = images.images_in(images.batches_per_epoch());
  if (!layers::is_quantized(network)) return pass;
  const std::int64_t norms =
      layers::batch_norms(network).empty() ? 0 : training.images_in(bn_batches);
  return 2 * pass + (has_stale_batch_norm(network) ? 2 * norms : norms);
}

BufferGuard::BufferGuard(layers::Module& network) : buffers_(network.buffers()) {
  for (const layers::Buffer& buffer : buffers_) saved_.push_back(buffer.value.clone());
}

BufferGuard::~BufferGuard() {
  for (std::size_t i = 0; i < buffers_.size(); ++i) buffers_[i].value.copy_from(saved_[i]);
}

}  // namespace quench::train
