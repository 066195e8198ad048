#pragma once

#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace quench::quant {

struct Moments {
  double mean = 0.0;
  double deviation = 0.0;  ///< population standard deviation: divided by the number of values
};

/// One per slice along axis 0, or one for the whole tensor, accumulated in double.
/// @throws std::invalid_argument  if a slice is empty or contains NaN or infinity; the message
///                                starts with `who`
std::vector<Moments> moments(const Tensor& x, bool per_channel, std::string_view who);

}  // namespace quench::quant
