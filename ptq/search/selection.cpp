#include "ptq/search/selection.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include "support/error.h"

namespace quench::ptq {
namespace {

void check(std::span<const OptionGroup> groups) {
  require(!groups.empty(), "select_options: expected at least 1 group, got none");
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const OptionGroup& group = groups[g];
    require(!group.cost.empty() && group.cost.size() == group.sensitivity.size(),
            "select_options: group {}: expected a cost and a sensitivity for each option, got {} "
            "and {}",
            g, group.cost.size(), group.sensitivity.size());
    for (std::size_t o = 0; o < group.cost.size(); ++o)
      require(std::isfinite(group.cost[o]) && std::isfinite(group.sensitivity[o]),
              "select_options: group {}, option {}: expected finite cost and sensitivity, got {} "
              "and {}",
              g, o, group.cost[o], group.sensitivity[o]);
  }
}

/// A partial selection: an entry of the list before, and the option of one more group.
struct Entry {
  double cost = 0.0, sensitivity = 0.0;
  std::uint32_t parent = 0, option = 0;
};

/// The non-dominated selections of the first groups, list by list.
class DominanceLists {
 public:
  DominanceLists(std::span<const OptionGroup> groups, double budget) : lists_{{Entry{}}} {
    std::vector<double> rest(groups.size() + 1, 0.0);
    for (std::size_t g = groups.size(); g-- > 0;)
      rest[g] = rest[g + 1] + std::ranges::min(groups[g].cost);
    for (std::size_t g = 0; g < groups.size(); ++g) {
      const bool last = g + 1 == groups.size();
      // The rest is summed in another order, so partial selections get room for its rounding.
      const double limit = budget + std::abs(budget) * (last ? kBudgetTolerance : 1e-9);
      extend(groups[g], limit - rest[g + 1]);
    }
  }

  const std::vector<Entry>& last() const { return lists_.back(); }

  Selection selection(const Entry& end) const {
    Selection result{.options = std::vector<std::size_t>(lists_.size() - 1),
                     .cost = end.cost,
                     .sensitivity = end.sensitivity};
    const Entry* entry = &end;
    for (std::size_t g = result.options.size(); g-- > 0;) {
      result.options[g] = entry->option;
      entry = &lists_[g][entry->parent];
    }
    return result;
  }

 private:
  void extend(const OptionGroup& group, double limit) {
    std::vector<Entry> all;
    const std::vector<Entry>& before = lists_.back();
    for (std::uint32_t i = 0; i < before.size(); ++i)
      for (std::uint32_t o = 0; o < group.cost.size(); ++o) {
        const Entry entry{before[i].cost + group.cost[o],
                          before[i].sensitivity + group.sensitivity[o], i, o};
        if (entry.cost <= limit) all.push_back(entry);
      }
    std::ranges::sort(all, [this](const Entry& a, const Entry& b) {
      if (a.cost != b.cost) return a.cost < b.cost;
      if (a.sensitivity != b.sensitivity) return a.sensitivity < b.sensitivity;
      return precedes(lists_.size() - 1, a, b);
    });
    std::vector<Entry> kept;
    for (const Entry& entry : all)
      if (kept.empty() || entry.sensitivity < kept.back().sensitivity) kept.push_back(entry);
    lists_.push_back(std::move(kept));
  }

  /// Whether the options of `a` come first, where both extend entries of lists_[list].
  bool precedes(std::size_t list, const Entry& a, const Entry& b) const {
    if (a.parent == b.parent) return a.option < b.option;
    return precedes(list - 1, lists_[list][a.parent], lists_[list][b.parent]);
  }

  std::vector<std::vector<Entry>> lists_;
};

}  // namespace

std::optional<Selection> select_options(std::span<const OptionGroup> groups, double budget) {
  check(groups);
  const DominanceLists lists(groups, budget);
  // Costs rise and sensitivities fall, so the last entry is the best.
  if (lists.last().empty()) return std::nullopt;
  return lists.selection(lists.last().back());
}

std::vector<Selection> pareto_front(std::span<const OptionGroup> groups) {
  check(groups);
  const DominanceLists lists(groups, std::numeric_limits<double>::infinity());
  std::vector<Selection> front;
  for (const Entry& entry : lists.last()) front.push_back(lists.selection(entry));
  return front;
}

double least_cost(std::span<const OptionGroup> groups) {
  check(groups);
  double cost = 0.0;
  for (const OptionGroup& group : groups) cost += std::ranges::min(group.cost);
  return cost;
}

}  // namespace quench::ptq
