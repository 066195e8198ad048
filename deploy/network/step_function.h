#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace quench::deploy {

/// A monotone function from integers to codes, rising or falling, stored as the positions where it
/// changes.
struct StepFunction {
  struct Step {
    std::int64_t from = 0;  ///< the first integer with this code
    std::int32_t code = 0;
    bool operator==(const Step&) const = default;
  };

  std::int64_t begin = 0, end = 0;  ///< its domain, both ends included
  std::int32_t first = 0;           ///< the code of `begin`
  std::vector<Step> steps;          ///< ascending by `from`

  std::int32_t operator()(std::int64_t x) const;
  std::int32_t last() const { return steps.empty() ? first : steps.back().code; }
  bool falls() const { return last() < first; }
  bool operator==(const StepFunction&) const = default;
};

/// Finds the steps of `code` by bisection. If `code` is monotone, as the mapping from sums to codes
/// is, the result equals it everywhere in begin..end.
StepFunction find_steps(const std::function<std::int32_t(std::int64_t)>& code, std::int64_t begin,
                        std::int64_t end);

/// The disagreement of two functions on the same domain.
struct Difference {
  std::int64_t count = 0;    ///< integers with different codes
  std::int32_t largest = 0;  ///< the largest distance between the two codes
  bool operator==(const Difference&) const = default;
};
Difference difference(const StepFunction& a, const StepFunction& b);

}  // namespace quench::deploy
