#include "experiments/report/confusion.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/ops/reduce.h"
#include "core/ops/softmax.h"
#include "layers/module.h"
#include "support/error.h"
#include "support/progress.h"

namespace quench::experiments::report {

ConfusionMatrix::ConfusionMatrix(int classes) : classes_(classes) {
  require(classes >= 1, "confusion matrix: expected classes >= 1, got {}", classes);
  counts_.assign(static_cast<std::size_t>(classes) * static_cast<std::size_t>(classes), 0);
}

std::size_t ConfusionMatrix::at(int label, int predicted) const {
  require(label >= 0 && label < classes_ && predicted >= 0 && predicted < classes_,
          "confusion matrix: expected classes in 0..{}, got {} and {}", classes_ - 1, label,
          predicted);
  return static_cast<std::size_t>(label) * static_cast<std::size_t>(classes_) +
         static_cast<std::size_t>(predicted);
}

void ConfusionMatrix::add(int label, int predicted) { ++counts_[at(label, predicted)]; }

std::int64_t ConfusionMatrix::count(int label, int predicted) const {
  return counts_[at(label, predicted)];
}

std::int64_t ConfusionMatrix::images(int label) const {
  std::int64_t sum = 0;
  for (int predicted = 0; predicted < classes_; ++predicted) sum += count(label, predicted);
  return sum;
}

std::int64_t ConfusionMatrix::images() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::int64_t{0});
}

std::int64_t ConfusionMatrix::correct() const {
  std::int64_t sum = 0;
  for (int label = 0; label < classes_; ++label) sum += count(label, label);
  return sum;
}

std::vector<ConfusionMatrix::Confused> ConfusionMatrix::most_confused(std::size_t most) const {
  std::vector<Confused> pairs;
  for (int label = 0; label < classes_; ++label) {
    for (int predicted = 0; predicted < classes_; ++predicted) {
      const std::int64_t number = count(label, predicted);
      if (label != predicted && number > 0) pairs.push_back({label, predicted, number});
    }
  }
  std::ranges::stable_sort(pairs, std::ranges::greater{}, &Confused::count);
  if (pairs.size() > most) pairs.resize(most);
  return pairs;
}

namespace {

/// Adds the predictions for a batch; `first` is the index of its first image in the data set.
void add_batch(Classification& result, const Tensor& logits, const Tensor& labels,
               std::int64_t first) {
  const Tensor predicted = argmax(logits), probabilities = softmax(logits);
  for (std::int64_t row = 0; row < labels.dim(0); ++row) {
    const int label = labels.data<std::int32_t>()[row];
    const int taken_for = predicted.data<std::int32_t>()[row];
    result.confusion.add(label, taken_for);
    result.labels.push_back(label);
    result.right.push_back(label == taken_for);
    if (label == taken_for) continue;
    const double probability =
        static_cast<double>(probabilities.data()[row * logits.dim(1) + taken_for]);
    result.mistakes.push_back(
        {first + row, label, taken_for, std::isfinite(probability) ? probability : 0.0});
  }
}

}  // namespace

Classification classify(layers::Module& network, datasets::Loader& images, int classes,
                        std::size_t most_mistakes) {
  const NoGradGuard no_grad;
  const layers::ModeGuard modes(network, false, quant::Mode::evaluation);
  Classification result{.confusion = ConfusionMatrix(classes)};
  images.start_epoch(0);
  std::int64_t seen = 0;
  while (const auto batch = images.next()) {
    add_batch(result, network(Variable(batch->images)).value(), batch->labels, seen);
    seen += batch->labels.dim(0);
    progress_bar().advance(batch->labels.dim(0));
  }
  std::ranges::stable_sort(result.mistakes, std::ranges::greater{}, &Mistake::probability);
  if (result.mistakes.size() > most_mistakes) result.mistakes.resize(most_mistakes);
  return result;
}

}  // namespace quench::experiments::report
