#pragma once

#include <cstdint>
#include <string_view>

#include "autograd/variable.h"
#include "core/random.h"

namespace quench::quant {

/// DoReFa's gradient quantization (Zhou et al. 2016, arXiv:1606.06160, eq. 12), per sample
/// (axis 0), with m = max|g| over the sample and L = 2^bits - 1:
///
///   u = g / (2 m) + 1/2 + noise / L,   y = 2 m (round(L clip(u, 0, 1)) / L - 1/2)
///
/// The noise makes the rounding stochastic, so that y equals g on average. A sample of zeros stays
/// zero, and NaN stays NaN.
///
/// @param grad   [N, ...]
/// @param noise  of the same shape, in [-1/2, 1/2]
/// @param bits   1 to 8
/// @throws std::invalid_argument  if an argument is out of range
Tensor quantize_gradient(const Tensor& grad, const Tensor& noise, int bits);

/// Quantizes the gradient of a layer's output; does not change the output itself.
///
/// The noise depends on seed, layer and step, so a resumed run draws the same noise as an
/// uninterrupted one.
class GradientQuantizer {
 public:
  /// @throws std::invalid_argument  unless bits is in 1..8
  GradientQuantizer(int bits, std::uint64_t seed, std::string_view layer);

  /// Call before each training step, with the step's number from 0.
  void set_step(std::int64_t step) { noise_ = stream_.fork(static_cast<std::uint64_t>(step)); }
  /// Returns `output` and applies quantize_gradient() to its gradient.
  Variable forward(const Variable& output) const;

 private:
  int bits_;
  Random stream_;  // of the layer
  Random noise_;   // of its current step
};

}  // namespace quench::quant
