#include "train/evaluate.h"

#include <algorithm>

#include "core/reduce.h"
#include "layers/batch_norm.h"

namespace quench::train {
namespace {

/// Sets modes for a scope and returns to training in the end.
class ModeGuard {
 public:
  ModeGuard(Module& network, bool training, quant::Mode mode) : network_(network) {
    network.set_training(training);
    network.set_quantizer_mode(mode);
  }
  ~ModeGuard() {
    network_.set_training(true);
    network_.set_quantizer_mode(quant::Mode::training);
  }
  ModeGuard(const ModeGuard&) = delete;
  ModeGuard& operator=(const ModeGuard&) = delete;

 private:
  Module& network_;
};

std::vector<BatchNorm*> batch_norms(Module& network) {
  std::vector<BatchNorm*> result;
  for (const auto& [name, module] : network.modules()) {
    if (auto* norm = dynamic_cast<BatchNorm*>(module)) result.push_back(norm);
  }
  return result;
}

}  // namespace

std::int64_t count_correct(const Tensor& logits, const Tensor& labels) {
  const Tensor predicted = argmax(logits);
  std::int64_t correct = 0;
  for (std::int64_t row = 0; row < labels.dim(0); ++row) {
    correct += predicted.data<std::int32_t>()[row] == labels.data<std::int32_t>()[row] ? 1 : 0;
  }
  return correct;
}

Accuracy evaluate(Module& network, datasets::Loader& loader, quant::Mode mode) {
  const NoGradGuard no_grad;
  const ModeGuard modes(network, false, mode);
  Accuracy accuracy;
  loader.start_epoch(0);
  while (const auto batch = loader.next()) {
    const Variable logits = network(Variable(batch->images));
    accuracy.correct += count_correct(logits.value(), batch->labels);
    accuracy.images += batch->labels.dim(0);
  }
  return accuracy;
}

void reestimate_batch_norm(Module& network, datasets::Loader& loader, std::int64_t batches,
                           quant::Mode mode) {
  const std::vector<BatchNorm*> norms = batch_norms(network);
  if (norms.empty() || batches == 0) return;
  const NoGradGuard no_grad;
  const ModeGuard modes(network, true, mode);
  std::vector<float> momenta;
  for (const BatchNorm* norm : norms) momenta.push_back(norm->momentum());
  loader.start_epoch(0);
  for (std::int64_t k = 0; k < batches; ++k) {
    const auto batch = loader.next();
    if (!batch) break;
    // At k = 0 the new batch weighs 1, so what was there before has no part in the average.
    for (BatchNorm* norm : norms) norm->set_momentum(1.0f / static_cast<float>(k + 1));
    network(Variable(batch->images));
  }
  for (std::size_t i = 0; i < norms.size(); ++i) norms[i]->set_momentum(momenta[i]);
}

BufferGuard::BufferGuard(Module& network) : buffers_(network.buffers()) {
  for (const Buffer& buffer : buffers_) saved_.push_back(buffer.value.clone());
}

BufferGuard::~BufferGuard() {
  for (std::size_t i = 0; i < buffers_.size(); ++i) buffers_[i].value.copy_from(saved_[i]);
}

}  // namespace quench::train
