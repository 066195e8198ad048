#include "support/suggest.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "support/text_list.h"

namespace quench {
namespace {

/// Optimal string alignment distance: Levenshtein distance, with a swap of two adjacent letters,
/// the most common typo, counted as one edit.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before_last, last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    before_last = last;
    last = row;
  }
  return last[b.size()];
}

}  // namespace

std::string closest(std::string_view name, std::span<const std::string> known) {
  std::size_t best = std::max<std::size_t>(1, name.size() / 3) + 1;
  std::string result;
  for (const std::string& candidate : known) {
    const std::size_t edits = distance(name, candidate);
    if (edits < best) {
      best = edits;
      result = candidate;
    }
  }
  return result;
}

std::string suggestion(std::string_view name, std::span<const std::string> known) {
  if (known.empty()) return {};
  const std::string near = closest(name, known);
  const std::string hint = near.empty() ? " " : fmt::format("; did you mean '{}'? ", near);
  return fmt::format("{}(accepted: {})", hint, listed(known));
}

}  // namespace quench
