#include "ptq/equalize.h"

#include <algorithm>
#include <cmath>

#include "core/ops/elementwise.h"
#include "core/ops/reduce.h"
#include "ptq/equalize_pairs.h"
#include "ptq/input_channels.h"

namespace quench {
namespace {

constexpr int kMostSweeps = 100;
constexpr double kSettled = 1e-4;
constexpr float kDead = 1e-4f;  // of the largest range

/// The largest |w| of each output channel, [O].
Tensor output_ranges(const Tensor& weight) {
  Tensor ranges = Tensor::zeros({weight.dim(0)});
  const std::int64_t slice = weight.numel() / weight.dim(0);
  for (std::int64_t i = 0; i < weight.numel(); ++i) {
    float& range = ranges.data()[i / slice];
    range = std::max(range, std::abs(weight.data()[i]));
  }
  return ranges;
}

double largest_change(const Tensor& factors) {
  double change = 0.0;
  for (const float s : factors.span())
    change = std::max(change, std::abs(static_cast<double>(s) - 1.0));
  return change;
}

/// Channels that next to nobody reads have no range to balance, but would set the scale of all: they
/// are brought down to the largest of those that are read.
void lower_unread(const BatchNormPair& producer, QuantizedLayer& consumer) {
  const Tensor from = output_ranges(producer.layer->weight().value());
  const Tensor to = input_ranges(consumer, from.dim(0));
  const float unread = kDead * max_abs(to);
  const float largest =
      max_abs(zip(from, to, [unread](float r1, float r2) { return r2 > unread ? r1 : 0.0f; }));
  if (largest == 0.0f) return;
  scale_between(producer, consumer, zip(from, to, [unread, largest](float r1, float r2) {
                  return r2 <= unread && r1 > largest ? largest / r1 : 1.0f;
                }));
}

}  // namespace

Tensor equalize_pair(const BatchNormPair& producer, QuantizedLayer& consumer) {
  const Tensor from = output_ranges(producer.layer->weight().value());
  const Tensor to = input_ranges(consumer, from.dim(0));
  // A channel that its batch norm has all but switched off still puts out its bias. Blown up to the
  // range of the others it would take the share of that bias in the next layer below any step.
  const float dead1 = kDead * max_abs(from), dead2 = kDead * max_abs(to);
  Tensor s = zip(from, to, [dead1, dead2](float r1, float r2) {
    if (r1 <= dead1 || r2 <= dead2) return 1.0f;
    return static_cast<float>(std::sqrt(static_cast<double>(r1) / static_cast<double>(r2)));
  });
  // Not scale_between(): the reader gets s itself, not the inverse of a rounded inverse.
  scale_output(producer, map(s, [](float v) { return 1.0f / v; }));
  scale_input(consumer, s);
  return s;
}

EqualizationReport equalize(Module& network) {
  fold_into_weights(network);
  const EqualizablePairs found = equalizable_pairs(network);
  EqualizationReport report;
  report.excluded = found.excluded;
  for (const auto& [producer, consumer] : found.pairs)
    report.pairs.emplace_back(producer.layer->name(), consumer->name());
  if (found.pairs.empty()) return report;
  do {
    report.change = 0.0;
    for (const auto& [producer, consumer] : found.pairs)
      report.change = std::max(report.change, largest_change(equalize_pair(producer, *consumer)));
  } while (++report.sweeps < kMostSweeps && report.change >= kSettled);
  for (const auto& [producer, consumer] : found.pairs) lower_unread(producer, *consumer);
  return report;
}

}  // namespace quench
