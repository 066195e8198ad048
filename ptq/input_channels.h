#pragma once

#include <cstdint>

#include "core/tensor.h"
#include "layers/quantized_layer.h"
#include "support/error.h"

namespace quench::ptq {

/// Maps each element of a weight to the input channel that it multiplies: for
/// [O, C/groups, KH, KW], including depthwise, or for [O, F], where F = H*W*C is a flattened
/// image in memory order.
class InputChannels {
 public:
  /// @throws std::invalid_argument  if `channels` does not match the weight
  InputChannels(const Tensor& weight, std::int64_t channels)
      : channels_(channels), slice_(weight.numel() / weight.dim(0)), inner_(weight.dim(1)) {
    const bool flattened = weight.rank() == 2;
    const std::int64_t groups = flattened ? 1 : channels / inner_;
    require(flattened ? inner_ % channels == 0
                      : groups * inner_ == channels && weight.dim(0) % groups == 0,
            "weight {}: expected a matching number of input channels, got {}",
            weight.shape().to_string(), channels);
    outputs_per_group_ = weight.dim(0) / groups;
  }

  /// @param i  index of the element in memory order
  std::int64_t of(std::int64_t i) const {
    const std::int64_t group = i / slice_ / outputs_per_group_;
    return (group * inner_ + i % inner_) % channels_;
  }

 private:
  std::int64_t channels_, slice_, inner_, outputs_per_group_ = 1;
};

/// Multiplies a layer's weight by a factor per input channel. This cancels a division of the input
/// by the same factors.
/// @param factor  [C]
/// @throws std::invalid_argument  if the channels do not match the weight
void scale_input(layers::QuantizedLayer& layer, const Tensor& factor);

/// The largest |w| for each of `channels` input channels, [C].
/// @throws std::invalid_argument  if the channels do not match the weight
Tensor input_ranges(const layers::QuantizedLayer& layer, std::int64_t channels);

}  // namespace quench::ptq
