#include "ptq/input_channels.h"

#include <algorithm>
#include <cmath>

namespace quench::ptq {

void scale_input(layers::QuantizedLayer& layer, const Tensor& factor) {
  Variable weight = layer.weight();
  const InputChannels channels(weight.value(), factor.dim(0));
  float* values = weight.mutable_value().data();
  for (std::int64_t i = 0; i < weight.value().numel(); ++i)
    values[i] *= factor.data()[channels.of(i)];
  weight.mutable_value().bump_version();
}

Tensor input_ranges(const layers::QuantizedLayer& layer, std::int64_t channels) {
  const Tensor& weight = layer.weight().value();
  const InputChannels input(weight, channels);
  Tensor ranges = Tensor::zeros({channels});
  for (std::int64_t i = 0; i < weight.numel(); ++i) {
    float& range = ranges.data()[input.of(i)];
    range = std::max(range, std::abs(weight.data()[i]));
  }
  return ranges;
}

}  // namespace quench::ptq
