#include "deploy/network/step_function.h"

#include <algorithm>
#include <cstdlib>
#include <limits>

namespace quench::deploy {
namespace {

/// Appends the steps in low..high, given the codes at both ends.
void bisect(const std::function<std::int32_t(std::int64_t)>& code, std::int64_t low,
            std::int32_t code_low, std::int64_t high, std::int32_t code_high,
            std::vector<StepFunction::Step>& steps) {
  if (code_low == code_high) return;
  if (high - low == 1) {
    steps.push_back({high, code_high});
    return;
  }
  const std::int64_t middle = low + (high - low) / 2;
  const std::int32_t code_middle = code(middle);
  bisect(code, low, code_low, middle, code_middle, steps);
  bisect(code, middle, code_middle, high, code_high, steps);
}

}  // namespace

std::int32_t StepFunction::operator()(std::int64_t x) const {
  const auto after = std::ranges::upper_bound(steps, x, {}, &Step::from);
  return after == steps.begin() ? first : std::prev(after)->code;
}

StepFunction find_steps(const std::function<std::int32_t(std::int64_t)>& code, std::int64_t begin,
                        std::int64_t end) {
  StepFunction result{.begin = begin, .end = end, .first = code(begin), .steps = {}};
  bisect(code, begin, result.first, end, code(end), result.steps);
  return result;
}

Difference difference(const StepFunction& a, const StepFunction& b) {
  Difference result;
  auto next_a = a.steps.begin(), next_b = b.steps.begin();
  std::int32_t code_a = a.first, code_b = b.first;
  for (std::int64_t at = a.begin; at <= a.end;) {
    constexpr std::int64_t kNone = std::numeric_limits<std::int64_t>::max();
    const std::int64_t step_a = next_a == a.steps.end() ? kNone : next_a->from;
    const std::int64_t step_b = next_b == b.steps.end() ? kNone : next_b->from;
    const std::int64_t until = std::min({step_a, step_b, a.end + 1});
    if (code_a != code_b) result.count += until - at;
    if (until > at) result.largest = std::max(result.largest, std::abs(code_a - code_b));
    if (step_a == until) code_a = next_a++->code;
    if (step_b == until) code_b = next_b++->code;
    at = until;
  }
  return result;
}

}  // namespace quench::deploy
