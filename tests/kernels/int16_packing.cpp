#include "kernels/int16_packing.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "core/random.h"
#include "kernels/dense_tile.h"

namespace quench::kernels {
namespace {

constexpr int kLanes = 8;

std::vector<WeightStep> normal_steps(int count, float deviation) {
  Random random(0, "pair_sums");
  std::vector<WeightStep> steps;
  for (int i = 0; i < count; ++i) {
    WeightStep step{4 * i, std::vector<std::int16_t>(4 * kLanes)};
    for (std::int16_t& weight : step.weight) {
      weight = static_cast<std::int16_t>(std::clamp(random.normal() * deviation, -255.0f, 255.0f));
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

/// The total weight of each code, over steps in any order and number.
std::map<std::int32_t, std::vector<int>> totals(const std::vector<WeightStep>& steps) {
  std::map<std::int32_t, std::vector<int>> totals;
  for (const WeightStep& step : steps) {
    std::vector<int>& total = totals[step.offset];
    total.resize(step.weight.size());
    for (std::size_t i = 0; i < total.size(); ++i) total[i] += step.weight[i];
  }
  return totals;
}

/// The largest total weight of a pair over the steps, per sign.
int heaviest(const std::vector<WeightStep>& steps) {
  int heaviest = 0;
  for (std::size_t pair = 0; pair < 2 * kLanes; ++pair) {
    int positive = 0, negative = 0;
    for (const WeightStep& step : steps) {
      for (const int weight : {step.weight[2 * pair], step.weight[2 * pair + 1]}) {
        positive += std::max(weight, 0);
        negative -= std::min(weight, 0);
      }
    }
    heaviest = std::max({heaviest, positive, negative});
  }
  return heaviest;
}

}  // namespace

TEST_CASE("PairLimit: 128 * 255 is the largest sum that fits 16 bits") {
  CHECK(PairLimit(255).positive == 128);
  CHECK(PairLimit(255).negative == 128);
  CHECK(PairLimit(127).positive == 258);
  CHECK(PairLimit(15).positive == 2184);
}

TEST_CASE("split_steps: every part fits s8 and its pairs 16 bits, and the parts add up") {
  const std::vector<WeightStep> steps = normal_steps(20, 90.0f);
  const std::vector<WeightStep> parts = split_steps(steps, PairLimit(255));
  CHECK(parts.size() > steps.size());
  CHECK(totals(parts) == totals(steps));
  for (const WeightStep& part : parts) {
    CHECK(heaviest({part}) <= 128);
    CHECK(*std::ranges::max_element(part.weight) <= 127);
    CHECK(*std::ranges::min_element(part.weight) >= -128);
  }
}

TEST_CASE("split_steps: what fits stays whole") {
  const std::vector<WeightStep> steps{{0, {64, 64, -64, -64, 127, -128, 0, 127}}};
  const std::vector<WeightStep> parts = split_steps(steps, PairLimit(255));
  REQUIRE(parts.size() == 1);
  CHECK(parts[0].weight == steps[0].weight);
}

TEST_CASE("group_steps: every step is in one group, whose pairs fit 16 bits together") {
  const PairLimit limit(255);
  const std::vector<WeightStep> steps = split_steps(normal_steps(300, 35.0f), limit);
  const auto groups = group_steps(steps, limit);
  std::vector<WeightStep> all;
  for (const std::vector<WeightStep>& group : groups) {
    CHECK(group.size() <= kMaxDepth);
    CHECK(heaviest(group) <= 128);
    all.insert(all.end(), group.begin(), group.end());
  }
  CHECK(all.size() == steps.size());
  CHECK(totals(all) == totals(steps));
  // That is what makes it fast: two steps and more for each widening.
  CHECK(groups.size() <= steps.size() / 2);
}

TEST_CASE("narrow_pairs: as long sequences as fit") {
  // Pairs of steps weigh 2 * (2 * 8) = 32 in each 16-bit sum: 4 of them are 128.
  const std::vector<WeightStep> steps(12, {0, std::vector<std::int16_t>(4 * kLanes, -8)});
  CHECK(narrow_pairs(steps, PairLimit(255)) == std::vector<std::int32_t>{4, 2});
  CHECK(narrow_pairs(steps, PairLimit(15)) == std::vector<std::int32_t>{6});
  const std::vector<WeightStep> heavy(2, {0, std::vector<std::int16_t>(4 * kLanes, 64)});
  CHECK(narrow_pairs(heavy, PairLimit(255)).empty());
}

}  // namespace quench::kernels
