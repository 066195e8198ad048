#include "ptq/search/selection.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "core/random.h"

namespace quench::ptq {
namespace {

using Groups = std::vector<OptionGroup>;

/// Every selection, in lexicographical order.
std::vector<Selection> all_selections(const Groups& groups) {
  std::vector<Selection> all{{}};
  for (const OptionGroup& group : groups) {
    std::vector<Selection> longer;
    for (const Selection& part : all)
      for (std::size_t o = 0; o < group.cost.size(); ++o) {
        Selection next = part;
        next.options.push_back(o);
        next.cost += group.cost[o];
        next.sensitivity += group.sensitivity[o];
        longer.push_back(next);
      }
    all = std::move(longer);
  }
  return all;
}

bool better(const Selection& a, const Selection& b) {
  if (a.sensitivity != b.sensitivity) return a.sensitivity < b.sensitivity;
  if (a.cost != b.cost) return a.cost < b.cost;
  return a.options < b.options;
}

std::optional<Selection> brute_force(const Groups& groups, double budget) {
  std::optional<Selection> best;
  for (const Selection& each : all_selections(groups))
    if (each.cost <= budget * (1.0 + 1e-12) && (!best || better(each, *best))) best = each;
  return best;
}

/// Whole numbers of few values have many ties; halves add up exactly in any order.
Groups random_groups(Random& random, bool ties) {
  Groups groups(2 + random.below(5));
  for (OptionGroup& group : groups) {
    const std::uint32_t options = 1 + random.below(4);
    for (std::uint32_t o = 0; o < options; ++o) {
      group.cost.push_back(ties ? 0.5 * random.below(5) : static_cast<double>(random.uniform()));
      group.sensitivity.push_back(ties ? 0.5 * random.below(4)
                                       : static_cast<double>(random.uniform()));
    }
  }
  return groups;
}

TEST_CASE("select_options: the best of all selections, ties by cost and then by options") {
  Random random(1, "knapsack");
  for (int problem = 0; problem < 400; ++problem) {
    CAPTURE(problem);
    const Groups groups = random_groups(random, problem % 2 == 0);
    double most = 0.0;
    for (const Selection& each : all_selections(groups)) most = std::max(most, each.cost);
    for (const double share : {0.0, 0.2, 0.4, 0.6, 0.8, 1.0}) {
      const auto got = select_options(groups, share * most),
                 want = brute_force(groups, share * most);
      REQUIRE(got.has_value() == want.has_value());
      if (!want) continue;
      CHECK(got->options == want->options);
      CHECK(got->cost == want->cost);
      CHECK(got->sensitivity == want->sensitivity);
    }
  }
}

TEST_CASE("pareto_front: the selections that no other one beats, by rising cost") {
  Random random(2, "front");
  for (int problem = 0; problem < 200; ++problem) {
    CAPTURE(problem);
    const Groups groups = random_groups(random, problem % 2 == 0);
    const std::vector<Selection> all = all_selections(groups), front = pareto_front(groups);
    std::size_t expected = 0;
    for (const Selection& a : all) {
      const bool beaten = std::ranges::any_of(all, [&](const Selection& b) {
        return (b.cost <= a.cost && b.sensitivity < a.sensitivity) ||
               (b.cost < a.cost && b.sensitivity <= a.sensitivity) ||
               (b.cost == a.cost && b.sensitivity == a.sensitivity && b.options < a.options);
      });
      if (beaten) continue;
      ++expected;
      CHECK(std::ranges::any_of(front, [&](const Selection& p) { return p.options == a.options; }));
    }
    CHECK(front.size() == expected);
    CHECK(std::ranges::is_sorted(front, {}, &Selection::cost));
  }
}

TEST_CASE("select_options: a budget of exactly the cost is met, whatever the order of the sum") {
  // 0.1 + 0.2 + 0.3 is larger than 0.3 + 0.2 + 0.1 in double.
  const Groups groups{{{0.1, 9.0}, {1.0, 0.0}}, {{0.2}, {0.0}}, {{0.3}, {0.0}}};
  CHECK(select_options(groups, 0.3 + 0.2 + 0.1).value().options ==
        std::vector<std::size_t>{0, 0, 0});
  CHECK_FALSE(select_options(groups, 0.6 * (1.0 - 1e-9)).has_value());
  CHECK(least_cost(groups) == 0.1 + 0.2 + 0.3);
}

TEST_CASE("select_options: messages name the group and the option") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH_AS(select_options({}, 1.0),
                       "select_options: expected at least 1 group, got none",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      select_options(Groups{{{1.0}, {1.0}}, {{1.0, 2.0}, {1.0, nan}}}, 1.0),
      "select_options: group 1, option 1: expected finite cost and sensitivity, got 2 and nan",
      std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      select_options(Groups{{{1.0, 2.0}, {1.0}}}, 1.0),
      "select_options: group 0: expected a cost and a sensitivity for each option, "
      "got 2 and 1",
      std::invalid_argument);
}

}  // namespace
}  // namespace quench::ptq
