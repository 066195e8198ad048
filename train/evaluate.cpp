#include "train/evaluate.h"

#include <array>
#include <utility>

#include "core/communicator.h"
#include "core/error.h"
#include "core/reduce.h"
#include "layers/batch_norm.h"
#include "layers/mode_guard.h"

namespace quench::train {
namespace {

/// Takes in the statistics of each batch that runs while it lives: a plain average over them, of the
/// batches of all ranks, whether or not training does so.
class PlainAverage {
 public:
  explicit PlainAverage(std::vector<BatchNorm*> norms) : norms_(std::move(norms)) {
    for (BatchNorm* norm : norms_) {
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
    // At k = 0 the new batch weighs 1, so what was there before has no part in the average.
    for (BatchNorm* norm : norms_) norm->set_momentum(1.0f / static_cast<float>(k + 1));
  }

 private:
  std::vector<BatchNorm*> norms_;
  std::vector<BatchNormParams> params_;
};

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
    // Written so that a label whose logit is NaN is behind all others.
    for (std::int64_t c = 0; c < logits.dim(1); ++c)
      ahead += values[c] == own ? c < label : !(values[c] < own);
    found += ahead < k ? 1 : 0;
  }
  return found;
}

Accuracy evaluate(const std::function<Tensor(const Tensor&)>& network, datasets::Loader& loader) {
  Accuracy accuracy;
  loader.start_epoch(0);
  while (const auto batch = loader.next()) {
    const Tensor logits = network(batch->images);
    accuracy.correct += count_correct(logits, batch->labels);
    accuracy.correct_top5 += count_in_top(5, logits, batch->labels);
    accuracy.images += batch->labels.dim(0);
  }
  return accuracy;
}

Accuracy evaluate(Module& network, datasets::Loader& loader, quant::Mode mode) {
  const NoGradGuard no_grad;
  const ModeGuard modes(network, false, mode);
  Accuracy accuracy = evaluate(
      [&network](const Tensor& images) { return network(Variable(images)).value(); }, loader);
  std::array counts{accuracy.correct, accuracy.correct_top5, accuracy.images};
  communicator().sum(counts);
  accuracy.correct = counts[0];
  accuracy.correct_top5 = counts[1];
  accuracy.images = counts[2];
  return accuracy;
}

void reestimate_batch_norm(Module& network, datasets::Loader& loader, std::int64_t batches,
                           quant::Mode mode) {
  const std::vector<BatchNorm*> norms = batch_norms(network);
  if (norms.empty() || batches == 0) return;
  const NoGradGuard no_grad;
  const ModeGuard modes(network, false, mode);
  PlainAverage average(norms);
  loader.start_epoch(0);
  for (std::int64_t k = 0; k < batches; ++k) {
    const auto batch = loader.next();
    if (!batch) break;
    average.begin_batch(k);
    network(Variable(batch->images));
  }
}

BufferGuard::BufferGuard(Module& network) : buffers_(network.buffers()) {
  for (const Buffer& buffer : buffers_) saved_.push_back(buffer.value.clone());
}

BufferGuard::~BufferGuard() {
  for (std::size_t i = 0; i < buffers_.size(); ++i) buffers_[i].value.copy_from(saved_[i]);
}

}  // namespace quench::train
