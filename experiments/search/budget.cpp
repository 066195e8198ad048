#include "experiments/search/budget.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string_view>
#include <vector>

#include "support/error.h"

namespace quench::experiments {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

struct Kind {
  CostKind kind;
  std::string name;
  std::vector<Unit> units;
};

const std::array<Kind, 4>& kinds() {
  static const std::array<Kind, 4> all{
      Kind{CostKind::size,
           "size",
           {{"B", 1.0},
            {"KB", 1e3},
            {"MB", 1e6},
            {"GB", 1e9},
            {"KiB", 0x1p10},
            {"MiB", 0x1p20},
            {"GiB", 0x1p30}}},
      Kind{CostKind::bops, "bops", {{"", 1.0}, {"K", 1e3}, {"M", 1e6}, {"G", 1e9}, {"T", 1e12}}},
      Kind{CostKind::latency, "latency", {{"us", 1e-3}, {"ms", 1.0}, {"s", 1e3}}},
      Kind{CostKind::mean_bits, "mean_bits", {{"", 1.0}}}};
  return all;
}

std::optional<int> uniform_bits(std::string_view text) {
  constexpr std::string_view kUniform = "uniform:";
  if (!text.starts_with(kUniform)) return std::nullopt;
  text.remove_prefix(kUniform.size());
  int bits = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), bits);
  if (error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  return bits;
}

/// A number > 0 with one of the units; nothing for anything else.
std::optional<double> quantity(std::string_view text, const std::vector<Unit>& units) {
  double number = 0.0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view rest(stop, static_cast<std::size_t>(text.data() + text.size() - stop));
  const auto unit = std::ranges::find(units, rest, &Unit::name);
  if (unit == units.end()) return std::nullopt;
  const double value = number * unit->factor;
  if (!std::isfinite(value) || value <= 0.0) return std::nullopt;
  return value;
}

}  // namespace

const std::string& name_of(CostKind kind) {
  return std::ranges::find(kinds(), kind, &Kind::kind)->name;
}

Budget parse_budget(const std::string& text) {
  const std::size_t equals = text.find('=');
  const auto kind = std::ranges::find(kinds(), text.substr(0, equals), &Kind::name);
  if (equals != std::string::npos && kind != kinds().end()) {
    const std::string value = text.substr(equals + 1);
    if (const auto bits = uniform_bits(value)) return {.kind = kind->kind, .uniform = bits};
    if (const auto number = quantity(value, kind->units))
      return {.kind = kind->kind, .value = *number};
  }
  require(false, "--budget: expected {}, got '{}'", kBudgetForms, text);
  return {};
}

std::string cost_text(CostKind kind, double value) {
  switch (kind) {
    case CostKind::size:
      return fmt::format("{:.1f} KiB", value / 1024.0);
    case CostKind::bops:
      return fmt::format("{:.3f} GBOPs", value * 1e-9);
    case CostKind::latency:
      return fmt::format("{:.3f} ms", value);
    case CostKind::mean_bits:
      break;
  }
  return fmt::format("{:.2f} bits", value);
}

}  // namespace quench::experiments
