#include "deploy/integer_only/integer_addition.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>

#include "deploy/integer_only/accumulator_map.h"
#include "deploy/network/arithmetic.h"

namespace quench::deploy {
namespace {

constexpr int kMantissaBits = 30;
constexpr int kMaxAdditionShift = 48;
// Fits in 64 bits together with products of 2^31 and codes of 2^9.
constexpr double kMaxOffset = 1e18;
/// With more than one exception per 16 pairs, a table is smaller.
constexpr std::size_t kPairsPerException = 16;

/// The codes of every pair; the first input is the outer loop.
struct Pairs {
  std::vector<std::int32_t> a, b;
  std::vector<std::int32_t> codes;

  template <typename Visit>
  void for_each(Visit visit) const {
    const std::int32_t* code = codes.data();
    for (const std::int32_t x : a) {
      for (const std::int32_t y : b) visit(x, y, *code++);
    }
  }
};

std::vector<std::int32_t> all_centered(const quant::QuantGrid& grid) {
  std::vector<std::int32_t> range(static_cast<std::size_t>(grid.qmax - grid.qmin + 1));
  std::iota(range.begin(), range.end(), grid.qmin - grid.zero_point[0]);
  return range;
}

/// Divides out common factors of 2, so that powers of two become small.
void reduce(IntegerAddition& line) {
  while (line.shift > 0 && line.multiplier1 % 2 == 0 && line.multiplier2 % 2 == 0 &&
         line.offset % 2 == 0) {
    line.multiplier1 /= 2;
    line.multiplier2 /= 2;
    line.offset /= 2;
    --line.shift;
  }
}

void find_exceptions(IntegerAddition& line, const Pairs& pairs) {
  pairs.for_each([&](std::int32_t a, std::int32_t b, std::int32_t code) {
    if (line.line(a, b) != code) line.exceptions.push_back({a, b, code});
  });
}

/// The middle of the offsets for which a floored line gives every code; `otherwise` if none does.
std::int64_t fitting_offset(const IntegerAddition& line, const Pairs& pairs,
                            std::int64_t otherwise) {
  std::int64_t least = std::numeric_limits<std::int64_t>::min();
  std::int64_t most = std::numeric_limits<std::int64_t>::max();
  const std::int64_t one = std::int64_t{1} << line.shift;
  pairs.for_each([&](std::int32_t a, std::int32_t b, std::int32_t code) {
    const std::int64_t sum =
        std::int64_t{line.multiplier1} * a + std::int64_t{line.multiplier2} * b;
    const std::int64_t number = line.binary ? (code > 0 ? 1 : 0) : code;
    if (number > line.low) least = std::max(least, number * one - sum);
    if (number < line.high) most = std::min(most, (number + 1) * one - 1 - sum);
  });
  const bool bounded = least != std::numeric_limits<std::int64_t>::min() &&
                       most != std::numeric_limits<std::int64_t>::max();
  return bounded && least <= most ? least + (most - least) / 2 : otherwise;
}

/// @param combine  function of the two real values
template <typename Combine>
Pairs all_pairs(const IntegerNetwork& network, const Operation& operation, const Output& output,
                std::size_t channel, Combine combine) {
  const quant::QuantGrid &first = *network.values[operation.inputs[0]].grid,
                         &second = *network.values[operation.inputs[1]].grid,
                         &grid = *network.values[output.value].grid;
  Pairs pairs{all_centered(first), all_centered(second), {}};
  for (const std::int32_t a : pairs.a) {
    for (const std::int32_t b : pairs.b) {
      const float real = combine(real_of(a, first), real_of(b, second));
      pairs.codes.push_back(code_of(real, output, grid, channel));
    }
  }
  return pairs;
}

IntegerAddition table_of(const Pairs& pairs) {
  IntegerAddition result;
  for (std::size_t i = 0; i < pairs.a.size(); ++i) {
    const auto row = pairs.codes.begin() + static_cast<std::ptrdiff_t>(i * pairs.b.size());
    result.table.emplace_back(row, row + static_cast<std::ptrdiff_t>(pairs.b.size()));
  }
  return result;
}

bool subtracts(const Operation& operation) { return std::get<Addition>(operation.kind).subtracts; }

/// Slopes and offset in units of codes. Binary outputs use codes 0 and 1, and real 0 maps to 1.
struct Plane {
  double a, b, offset;
};

Plane plane_of(const IntegerNetwork& network, const Operation& operation, const Output& output,
               std::size_t channel) {
  const quant::QuantGrid &first = *network.values[operation.inputs[0]].grid,
                         &second = *network.values[operation.inputs[1]].grid,
                         &grid = *network.values[output.value].grid;
  const double sign = subtracts(operation) ? -1.0 : 1.0;
  const RealMap linear =
      in_codes({1.0, double{first.offset} + sign * double{second.offset}}, output, grid, channel);
  const double half = grid.binary() ? 1.0 : 0.5;
  return {linear.slope * double{first.scale[0]}, sign * linear.slope * double{second.scale[0]},
          linear.offset + half};
}

}  // namespace

std::int32_t IntegerAddition::line(std::int32_t a, std::int32_t b) const {
  const std::int64_t sum = std::int64_t{multiplier1} * a + std::int64_t{multiplier2} * b + offset;
  const std::int64_t code =
      std::clamp(shift_right(sum, shift, rounding), std::int64_t{low}, std::int64_t{high});
  return static_cast<std::int32_t>(binary ? 2 * code - 1 : code);
}

IntegerAddition integer_addition(const IntegerNetwork& network, const Operation& operation,
                                 const Output& output, std::size_t channel) {
  const quant::QuantGrid& grid = *network.values[output.value].grid;
  const Pairs pairs = subtracts(operation)
                          ? all_pairs(network, operation, output, channel, std::minus<float>())
                          : all_pairs(network, operation, output, channel, std::plus<float>());
  const Plane plane = plane_of(network, operation, output, channel);
  const double slope = std::max(std::abs(plane.a), std::abs(plane.b));
  if (!grid.binary() && !grid.levels.empty()) return table_of(pairs);

  IntegerAddition line{.binary = grid.binary()};
  const auto [low, high] = std::ranges::minmax(pairs.codes);
  line.low = line.binary ? (low > 0 ? 1 : 0) : low;
  line.high = line.binary ? (high > 0 ? 1 : 0) : high;
  line.shift =
      slope > 0.0 ? std::clamp(kMantissaBits - 1 - std::ilogb(slope), 1, kMaxAdditionShift) : 1;
  const double raised = std::ldexp(plane.offset, line.shift);
  if (!(std::abs(raised) < kMaxOffset && std::ldexp(slope, line.shift) < std::ldexp(1.0, 31)))
    return table_of(pairs);
  line.multiplier1 = static_cast<std::int32_t>(std::llround(std::ldexp(plane.a, line.shift)));
  line.multiplier2 = static_cast<std::int32_t>(std::llround(std::ldexp(plane.b, line.shift)));

  IntegerAddition to_even = line;
  to_even.rounding = Rounding::half_even;
  to_even.offset = std::llround(raised) - (std::int64_t{1} << (line.shift - 1));
  line.offset = fitting_offset(line, pairs, std::llround(raised));
  for (IntegerAddition* candidate : {&line, &to_even}) {
    reduce(*candidate);
    find_exceptions(*candidate, pairs);
  }
  // If both are equally good, the smaller shift wins: powers of two reduce to small factors.
  const bool even = std::pair(to_even.exceptions.size(), to_even.shift) <
                    std::pair(line.exceptions.size(), line.shift);
  IntegerAddition& best = even ? to_even : line;
  return best.exceptions.size() * kPairsPerException > pairs.codes.size() ? table_of(pairs)
                                                                          : std::move(best);
}

IntegerAddition product_table(const IntegerNetwork& network, const Operation& operation,
                              const Output& output, std::size_t channel) {
  return table_of(all_pairs(network, operation, output, channel, std::multiplies<float>()));
}

}  // namespace quench::deploy
