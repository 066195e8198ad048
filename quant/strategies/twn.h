#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "core/tensor.h"
#include "quant/strategy.h"

namespace quench::quant {

/// The ternary set alpha * {-1, 0, +1} of one slice of weights: sign(w) where |w| > delta, else 0.
struct Ternary {
  double delta = 0.0;      ///< >= 0
  double alpha = 0.0;      ///< mean of |w| over |w| > delta; 0 if no weight is above delta
  std::int64_t count = 0;  ///< number of weights with |w| > delta
};

/// delta = factor * mean|w|: one for the tensor, or one per slice along axis 0 (Li & Liu 2016,
/// arXiv:1605.04711, eq. 6).
/// @throws std::invalid_argument  if a slice is empty or contains NaN or infinity; the message
///                                starts with `who`
std::vector<Ternary> ternary_by_threshold(const Tensor& w, double factor, bool per_channel,
                                          std::string_view who);

/// The set that minimises ||w - alpha t||^2: the k largest |w| with the greatest (sum)^2 / k. Sorts
/// |w|.
/// @throws as ternary_by_threshold()
std::vector<Ternary> ternary_optimum(const Tensor& w, bool per_channel, std::string_view who);

/// "twn": ternary weight network (Li & Liu 2016, arXiv:1605.04711).
///
///   f(w) = alpha * sign(w) where |w| > delta, else 0; dL/dw = dL/df
///
/// with delta = threshold_factor * mean|w| and alpha the mean of |w| over |w| > delta, per tensor
/// (the paper) or per channel. The integers -1, 0, +1 follow from delta, not from rounding w /
/// alpha. If no weight is above delta, alpha is 0: all integers are 0 and the grid's scale is 1.
/// Weights only, 2 bits; activations are not quantized.
///
/// Settings [quant.twn], with their defaults:
///   scale = "threshold"     as above; or "exact": delta and alpha that minimise ||w - f(w)||, found
///                           by sorting |w| in every forward pass
///   threshold_factor = 0.7  > 0
Strategy twn_strategy();

}  // namespace quench::quant
