#include "quant/strategies/schedule.h"

#include <cmath>

#include "support/error.h"

namespace quench::quant {

double cubic_alpha(std::int64_t step, std::int64_t start, std::int64_t end) {
  require(start < end, "cubic_alpha: expected start < end, got {} and {}", start, end);
  if (step <= start) return 0.0;
  if (step >= end) return 1.0;
  const double left = static_cast<double>(end - step) / static_cast<double>(end - start);
  return 1.0 - left * left * left;
}

double exponential_alpha(std::int64_t step, double lambda) {
  require(lambda > 0.0, "exponential_alpha: expected lambda > 0, got {}", lambda);
  return step <= 0 ? 0.0 : -std::expm1(-lambda * static_cast<double>(step));
}

double AlphaSchedule::at(std::int64_t step) const {
  if (curve == Curve::cubic) return cubic_alpha(step, start, end);
  return step >= end ? 1.0 : exponential_alpha(step - start, lambda);
}

double AlphaSchedule::after(std::int64_t step, double alpha) const {
  return step % every == 0 && alpha < 1.0 ? at(step) : alpha;
}

}  // namespace quench::quant
