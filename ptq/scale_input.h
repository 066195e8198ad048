#pragma once

#include "layers/quantized_layer.h"

namespace quench {

/// Multiplies a layer's weight by a factor per input channel: what it computes of an input that was
/// divided by them is the same.
/// @param factor  [C]
/// @throws std::invalid_argument  if the channels do not fit the weight
void scale_input(QuantizedLayer& layer, const Tensor& factor);

/// The largest |w| that each of `channels` input channels is multiplied by, [C].
/// @throws std::invalid_argument  if the channels do not fit the weight
Tensor input_ranges(const QuantizedLayer& layer, std::int64_t channels);

}  // namespace quench
