#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace quench::ptq {

/// A layer, or layers that get the same option: cost and sensitivity by option, from few bits to many. A
/// fixed layer has one option.
struct OptionGroup {
  std::vector<double> cost;         ///< finite, in any unit
  std::vector<double> sensitivity;  ///< of the same length; finite
};

/// One option for each group.
struct Selection {
  std::vector<std::size_t> options;
  double cost = 0.0;  ///< sums over the groups, in their order
  double sensitivity = 0.0;
};

/// Budgets are compared with this relative tolerance, so that a sum in another order still meets its own.
inline constexpr double kBudgetTolerance = 1e-12;

/// The selection with the least sensitivity among those with cost <= budget * (1 + kBudgetTolerance);
/// ties go to the least cost, then to the lexicographically smallest options. Exact for any real costs:
/// the multiple-choice knapsack by lists of non-dominated partial selections.
/// @return nothing if least_cost() exceeds the budget
/// @throws std::invalid_argument  for no groups, a group without options, lengths that differ, or a value
///                                that is not finite
std::optional<Selection> select_options(std::span<const OptionGroup> groups, double budget);

/// All selections that no other one beats (at most as costly and less sensitive, or cheaper and as
/// sensitive), by rising cost and falling sensitivity. @throws  as select_options()
std::vector<Selection> pareto_front(std::span<const OptionGroup> groups);

/// The sum of each group's cheapest option. @throws  as select_options()
double least_cost(std::span<const OptionGroup> groups);

}  // namespace quench::ptq
