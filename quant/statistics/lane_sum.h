#pragma once

#include <array>
#include <cstdint>

namespace quench::quant {

/// term(0) + ... + term(count - 1), of float or double, in 16 lanes: a single sum would not
/// vectorize, and the order of these depends on `count` alone.
template <typename Sum, typename Term>
Sum lane_sum(std::int64_t count, Term term) {
  constexpr std::int64_t kLanes = 16;
  std::array<Sum, kLanes> lanes{};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += term(i + lane);
  }
  for (; i < count; ++i) lanes[0] += term(i);
  Sum total = 0;
  for (const Sum lane : lanes) total += lane;
  return total;
}

}  // namespace quench::quant
