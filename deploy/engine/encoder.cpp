#include "deploy/engine/encoder.h"

#include <algorithm>
#include <limits>

#include "deploy/network/arithmetic.h"

namespace quench::deploy {
namespace {

/// Maps floats to integers in the same order; adjacent floats differ by one.
std::int64_t ordinal_of(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::int64_t magnitude = bits & 0x7fffffffu;
  return bits >> 31 != 0 ? -magnitude : magnitude;
}
float float_at(std::int64_t ordinal) {
  const float magnitude = std::bit_cast<float>(static_cast<std::uint32_t>(std::abs(ordinal)));
  return ordinal < 0 ? -magnitude : magnitude;
}

}  // namespace

Encoder::Encoder(const quant::QuantGrid& grid, Activation activation)
    : scale_(grid.scale[0]), reciprocal_(1.0f / grid.scale[0]), offset_(grid.offset) {
  const quant::CodeRange range = quant::centered_range(grid);
  const ActivationRange bounds = range_of(activation);
  const auto bounded = [&](float bound, float otherwise) {
    return bound == bound ? quant::integer_code(bound - offset_, scale_, range) : otherwise;
  };
  low_ = bounded(bounds.low, range.low);
  high_ = bounded(bounds.high, range.high);
  base_ = std::bit_cast<std::int32_t>(kRound) +
          static_cast<std::int32_t>(grid.qmin - grid.zero_point[0]);
#ifdef __FMA__
  proved_ = quotient_is_proved(grid);
#endif
}

/// The corrected quotient is within 2 ulp of the true one, so its code can differ only near a float
/// at which the code changes. Bisection finds these floats, and their neighbours are compared.
bool Encoder::quotient_is_proved(const quant::QuantGrid& grid) const {
  constexpr std::int64_t kNeighbours = 16;
  // In this range no step under- or overflows.
  constexpr float kSmallest = 1e-30f, kLargest = 1e30f;
  if (scale_ < kSmallest || scale_ > kLargest) return false;
  const quant::CodeRange range = quant::centered_range(grid);
  const auto by_division = [&](float x) { return quant::integer_code(x, scale_, range); };
  const auto by_correction = [&](float x) {
    return std::clamp(std::nearbyint(corrected(x)), range.low, range.high);
  };
  for (float code = range.low + 1.0f; code <= range.high; code += 1.0f) {
    std::int64_t below = ordinal_of(scale_ * (code - 2.0f)),
                 from = ordinal_of(scale_ * (code + 1.0f));
    while (from - below > 1) {
      const std::int64_t middle = below + (from - below) / 2;
      (by_division(float_at(middle)) >= code ? from : below) = middle;
    }
    for (std::int64_t ordinal = from - kNeighbours; ordinal <= from + kNeighbours; ++ordinal) {
      if (by_division(float_at(ordinal)) != by_correction(float_at(ordinal))) return false;
    }
  }
  return true;
}

}  // namespace quench::deploy
