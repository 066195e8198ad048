#include "kernels/int16_packing.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <utility>

#include "kernels/dense_tile.h"

namespace quench::kernels {
namespace {

constexpr int kOpenGroups = 128;  // searched by first-fit; more gain nothing

/// The sums of a step's pairs of weights, per sign.
class Load {
 public:
  explicit Load(const std::vector<std::int16_t>& weight)
      : positive_(weight.size() / 2), negative_(weight.size() / 2) {
    for (std::size_t i = 0; i < weight.size(); ++i) {
      positive_[i / 2] += std::max<std::int16_t>(weight[i], 0);
      negative_[i / 2] -= std::min<std::int16_t>(weight[i], 0);
    }
  }

  void add(const Load& other) {
    for (std::size_t i = 0; i < positive_.size(); ++i) {
      positive_[i] += other.positive_[i];
      negative_[i] += other.negative_[i];
    }
  }

  bool fits_with(const Load& other, const PairLimit& limit) const {
    bool fits = true;  // without an early exit, the loop vectorizes
    for (std::size_t i = 0; i < positive_.size(); ++i) {
      fits &= positive_[i] + other.positive_[i] <= limit.positive &&
              negative_[i] + other.negative_[i] <= limit.negative;
    }
    return fits;
  }

  int largest() const {
    return std::max(*std::ranges::max_element(positive_), *std::ranges::max_element(negative_));
  }
  int total() const {
    return std::accumulate(positive_.begin(), positive_.end(), 0) +
           std::accumulate(negative_.begin(), negative_.end(), 0);
  }

 private:
  std::vector<std::int16_t> positive_, negative_;  // one per pair
};

/// The part of a pair of weights that fits; the larger weight is cut first.
std::pair<int, int> fitting_part(int first, int second, const PairLimit& limit) {
  first = std::clamp(first, -128, 127);
  second = std::clamp(second, -128, 127);
  if ((first < 0) != (second < 0)) {  // their products never add up
    return {std::clamp(first, -limit.negative, limit.positive),
            std::clamp(second, -limit.negative, limit.positive)};
  }
  const int sign = first < 0 ? -1 : 1;
  int a = std::abs(first), b = std::abs(second);
  const int excess = a + b - (first < 0 ? limit.negative : limit.positive);
  if (excess > 0) {
    int& larger = a >= b ? a : b;
    int& smaller = a >= b ? b : a;
    const int cut = std::min(excess, larger);
    larger -= cut;
    smaller -= excess - cut;
  }
  return {sign * a, sign * b};
}

}  // namespace

PairLimit::PairLimit(std::uint8_t input_max)
    : positive(32767 / std::max<int>(input_max, 1)),
      negative(std::min(32768 / std::max<int>(input_max, 1), 32767)) {}

std::vector<WeightStep> split_steps(const std::vector<WeightStep>& steps, const PairLimit& limit) {
  std::vector<WeightStep> fitting;
  fitting.reserve(steps.size());
  for (const WeightStep& step : steps) {
    WeightStep rest = step;
    bool more = true;
    while (more) {
      more = false;
      WeightStep part = rest;
      for (std::size_t i = 0; i < rest.weight.size(); i += 2) {
        const auto [first, second] = fitting_part(rest.weight[i], rest.weight[i + 1], limit);
        part.weight[i] = static_cast<std::int16_t>(first);
        part.weight[i + 1] = static_cast<std::int16_t>(second);
        rest.weight[i] = static_cast<std::int16_t>(rest.weight[i] - first);
        rest.weight[i + 1] = static_cast<std::int16_t>(rest.weight[i + 1] - second);
        more |= rest.weight[i] != 0 || rest.weight[i + 1] != 0;
      }
      fitting.push_back(std::move(part));
    }
  }
  return fitting;
}

std::vector<std::vector<WeightStep>> group_steps(std::vector<WeightStep> steps,
                                                 const PairLimit& limit) {
  struct Group {
    Load load;
    int total;
    std::size_t members;  // index in `groups`
  };
  std::vector<std::pair<Load, std::size_t>> loads;
  loads.reserve(steps.size());
  for (std::size_t i = 0; i < steps.size(); ++i) loads.emplace_back(Load(steps[i].weight), i);
  std::ranges::stable_sort(loads, std::greater(),
                           [](const auto& load) { return load.first.largest(); });

  std::vector<std::vector<WeightStep>> groups;
  std::vector<Group> open;
  for (auto& [load, step] : loads) {
    // The fullest group with room, so that light ones stay free for heavy steps.
    Group* fullest = nullptr;
    for (Group& group : open) {
      if ((fullest == nullptr || group.total > fullest->total) &&
          group.load.fits_with(load, limit)) {
        fullest = &group;
      }
    }
    if (fullest == nullptr) {
      if (open.size() == kOpenGroups) open.erase(open.begin());
      const int total = load.total();
      open.push_back({std::move(load), total, groups.size()});
      groups.push_back({std::move(steps[step])});
      continue;
    }
    std::vector<WeightStep>& members = groups[fullest->members];
    members.push_back(std::move(steps[step]));
    fullest->load.add(load);
    fullest->total += load.total();
    if (members.size() == kMaxDepth) open.erase(open.begin() + (fullest - open.data()));
  }
  return groups;
}

std::vector<std::int32_t> narrow_pairs(const std::vector<WeightStep>& steps,
                                       const PairLimit& limit) {
  std::vector<std::int32_t> pairs;
  std::vector<Load> sum;  // of the current sequence; at most one
  for (std::size_t i = 0; i < steps.size(); i += 2) {
    Load two(steps[i].weight);
    const Load second(steps[i + 1].weight);
    if (!two.fits_with(second, limit)) return {};
    two.add(second);
    if (!sum.empty() && sum.front().fits_with(two, limit)) {
      sum.front().add(two);
      ++pairs.back();
    } else {
      sum.assign(1, two);
      pairs.push_back(1);
    }
  }
  return pairs;
}

}  // namespace quench::kernels
