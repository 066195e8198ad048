#pragma once

#include <cstdint>
#include <string_view>

#include "autograd/variable.h"
#include "core/random.h"

namespace quench::quant {

/// DoReFa's gradient quantization (Zhou et al. 2016, arXiv:1606.06160, eq. 12), per sample of axis
/// 0, with m = max|g| over the sample and L = 2^bits - 1:
///
///   u = g / (2 m) + 1/2 + noise / L,   y = 2 m (round(L clip(u, 0, 1)) / L - 1/2)
///
/// Noise makes the rounding stochastic, so that y is g on average. A sample of zeros stays one, and
/// NaN stays NaN.
///
/// @param grad   [N, ...]
/// @param noise  of the same shape, in [-1/2, 1/2]
/// @param bits   1 to 8
/// @throws std::invalid_argument  if one is not as above
Tensor quantize_gradient(const Tensor& grad, const Tensor& noise, int bits);

/// Quantizes the gradient that arrives at a layer's output and leaves the output alone.
///
/// The noise is a function of seed, layer and step, so a resumed run draws what the interrupted one
/// would have drawn.
class GradientQuantizer {
 public:
  /// @throws std::invalid_argument  unless bits is in 1..8
  GradientQuantizer(int bits, std::uint64_t seed, std::string_view layer);

  /// To be called before each training step with its number, from 0.
  void set_step(std::int64_t step) { noise_ = stream_.fork(static_cast<std::uint64_t>(step)); }
  /// `output` itself, its gradient quantize_gradient().
  Variable forward(const Variable& output) const;

 private:
  int bits_;
  Random stream_;  // of the layer
  Random noise_;   // of its current step
};

}  // namespace quench::quant
