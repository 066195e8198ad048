#include "ptq/absorb_bias.h"

#include <algorithm>
#include <map>

#include "core/ops/elementwise.h"
#include "ptq/bias_correction.h"

namespace quench::ptq {
namespace {

using Norms = std::map<const layers::QuantizedLayer*, layers::BatchNorm*>;

/// c of each channel, [C].
Tensor high_biases(const layers::BatchNorm& norm) {
  return zip(norm.bias().value(), output_deviations(norm),
             [](float mean, float deviation) { return std::max(0.0f, mean - 3.0f * deviation); });
}

void add_to(Tensor& into, const Tensor& change) {
  into.copy_from(add(into, change));
  into.bump_version();
}

/// Compensates `reader` for the amount its input has lost; returns whether it has a bias or batch
/// norm for that.
bool compensate(layers::QuantizedLayer& reader, const Norms& norms, const Tensor& lost) {
  const Tensor& weight = reader.weight().value();
  const Tensor share = mean_output_error(Tensor::zeros(weight.shape()), weight, lost);
  if (const auto norm = norms.find(&reader); norm != norms.end()) {
    // The norm's input drops by this share, and so must the mean that it subtracts.
    add_to(norm->second->running_mean(), multiply_scalar(share, -1.0f));
    return true;
  }
  if (!reader.bias().defined()) return false;
  Variable bias = reader.bias();
  add_to(bias.mutable_value(), share);
  return true;
}

}  // namespace

BiasAbsorptionReport absorb_biases(layers::Module& network) {
  Norms norms;
  for (const auto& [layer, norm] : batch_norm_pairs(network)) norms.emplace(layer, norm);
  BiasAbsorptionReport report;
  for (const auto& [producer, consumer] : equalizable_pairs(network).pairs) {
    const std::string& name = producer.layer->name();
    if (producer.norm == nullptr) {
      report.excluded.emplace_back(
          name, "no batch norm follows it, so its output distribution is unknown");
      continue;
    }
    const Tensor c = high_biases(*producer.norm);
    const std::int64_t channels = std::ranges::count_if(c.span(), [](float v) { return v > 0.0f; });
    if (channels == 0) continue;
    if (!compensate(*consumer, norms, c)) {
      report.excluded.emplace_back(name, consumer->name() + " has no bias and no batch norm");
      continue;
    }
    add_to(producer.norm->bias().mutable_value(), multiply_scalar(c, -1.0f));
    report.pairs.emplace_back(name, consumer->name());
    report.channels += channels;
  }
  return report;
}

}  // namespace quench::ptq
