#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "core/ops/activation.h"
#include "quant/grid.h"

namespace quench::deploy {

/// stored_code(clamp(x), grid), where x and x / scale are finite, in few instructions, for loops that are vectorized.
///
/// Both the clamp of an activation and the rounding keep the order of numbers, so codes are clipped
/// once, to the codes of the activation's bounds. The division is the dearest step of all; where
/// fused multiply-adds are at hand, a quotient corrected by its remainder takes its place, if it was
/// found to give every float the code that the division gives it (see quotient_is_proved()).
class Encoder {
 public:
  /// @param grid  one scale, and all codes in use: no levels
  Encoder(const quant::QuantGrid& grid, Activation activation);

  /// Calls loop(encode) with a function of x that has no branches.
  template <typename Loop>
  void run(Loop loop) const {
    if (proved_) {
      loop([e = *this](float x) { return e.finish(e.corrected(x - e.offset_)); });
    } else {
      loop([e = *this](float x) { return e.finish((x - e.offset_) / e.scale_); });
    }
  }

 private:
  // Adding it leaves an integer in the low bits of the sum, rounded half to even.
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
  float low_, high_;   // of q - zero_point
  std::int32_t base_;  // what the bits of kRound + (qmin - zero_point) are
  bool proved_ = false;
};

}  // namespace quench::deploy
