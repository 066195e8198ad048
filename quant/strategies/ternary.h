#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/tensor.h"

namespace quench::quant {

/// The ternary set alpha * {-1, 0, +1} of one slice of weights: sign(w) where |w| > delta, else 0.
struct Ternary {
  double delta = 0.0;      ///< >= 0
  double alpha = 0.0;      ///< mean of |w| over |w| > delta; 0 if there is none
  std::int64_t count = 0;  ///< of the weights with |w| > delta
};

/// delta = factor * mean|w|: one for the tensor, or one per slice along axis 0 (Li & Liu 2016,
/// arXiv:1605.04711, eq. 6).
/// @throws std::invalid_argument  if a slice is empty or holds NaN or infinity; the message starts
///                                with `who`
std::vector<Ternary> ternary_by_threshold(const Tensor& w, double factor, bool per_channel,
                                          std::string_view who);

/// The set that minimises ||w - alpha t||^2: the k largest |w| with the greatest (sum)^2 / k. Sorts.
/// @throws as ternary_by_threshold()
std::vector<Ternary> ternary_optimum(const Tensor& w, bool per_channel, std::string_view who);

}  // namespace quench::quant
