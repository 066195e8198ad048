#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "core/ops/activation.h"
#include "quant/grid.h"

namespace quench::deploy {

/// Computes stored_code(clamp(x), grid) for finite x and x / scale, in few instructions, for
/// vectorized loops.
///
/// Clamping and rounding are both monotone, so codes are clipped once, to the codes of the
/// activation's bounds. The division is the most expensive step. If the CPU has fused multiply-add,
/// a quotient corrected by its remainder replaces it, provided that every float gets the same code
/// (see quotient_is_proved()).
class Encoder {
 public:
  /// @param grid  per tensor, without levels
  Encoder(const quant::QuantGrid& grid, Activation activation);

  /// Calls loop(encode), where encode(x) is branch-free.
  template <typename Loop>
  void run(Loop loop) const {
    if (proved_) {
      loop([e = *this](float x) { return e.finish(e.corrected(x - e.offset_)); });
    } else {
      loop([e = *this](float x) { return e.finish((x - e.offset_) / e.scale_); });
    }
  }

 private:
  // Adding kRound rounds half to even and leaves the integer in the low bits of the sum.
  static constexpr float kRound = 12582912.0f;  // 1.5 * 2^23

  float corrected(float x) const {
    const float quotient = x * reciprocal_;
    return std::fma(std::fma(-quotient, scale_, x), reciprocal_, quotient);
  }
  std::uint8_t finish(float quotient) const {
    const float raised = quotient < low_ ? low_ : quotient;
    const float clipped = raised > high_ ? high_ : raised;
    return static_cast<std::uint8_t>(std::bit_cast<std::int32_t>(clipped + kRound) - base_);
  }
  bool quotient_is_proved(const quant::QuantGrid& grid) const;

  float scale_, reciprocal_, offset_;
  float low_, high_;   // bounds of q - zero_point
  std::int32_t base_;  // the bits of kRound + (qmin - zero_point)
  bool proved_ = false;
};

}  // namespace quench::deploy
