#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace quench::deploy {

/// A monotone function from integers to codes, rising or falling, by the places where it changes.
struct StepFunction {
  struct Step {
    std::int64_t from = 0;  ///< the first integer with this code
    std::int32_t code = 0;
    bool operator==(const Step&) const = default;
  };

  std::int64_t begin = 0, end = 0;  ///< where it is known: begin..end, both included
  std::int32_t first = 0;           ///< the code of `begin`
  std::vector<Step> steps;          ///< ascending by `from`

  std::int32_t operator()(std::int64_t x) const;
  std::int32_t last() const { return steps.empty() ? first : steps.back().code; }
  bool falls() const { return last() < first; }
  bool operator==(const StepFunction&) const = default;
};

/// Finds the steps of `code` by bisection. If it is monotone, as the way from a sum to a code is, the
/// result equals it everywhere in begin..end.
StepFunction find_steps(const std::function<std::int32_t(std::int64_t)>& code, std::int64_t begin,
                        std::int64_t end);

/// Where two functions on the same integers disagree.
struct Difference {
  std::int64_t count = 0;    ///< integers with two codes
  std::int32_t largest = 0;  ///< the largest distance of the two
  bool operator==(const Difference&) const = default;
};
Difference difference(const StepFunction& a, const StepFunction& b);

}  // namespace quench::deploy
