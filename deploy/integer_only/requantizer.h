#pragma once

#include <cstdint>

#include "deploy/integer_only/fixed_point_map.h"
#include "deploy/network/step_function.h"

namespace quench::deploy {

/// What is enough to compute the codes of a channel from its sums, simplest first.
enum class Form : std::uint8_t { constant, shift, multiplier, thresholds };

/// One way from sums to codes in integers, with the codes of f32 at every sum.
struct Requantizer {
  Form form = Form::constant;
  FixedPointMap line;       ///< for thresholds: the closest one, if there are at least two of them
  StepFunction codes;       ///< of thresholds; of others without steps
  Difference line_differs;  ///< `line` from the codes; of thresholds alone not 0

  std::int32_t operator()(std::int64_t sum) const;
};

/// The simplest form of these codes. One threshold is simpler than a line.
Requantizer simplest_requantizer(StepFunction codes);

}  // namespace quench::deploy
