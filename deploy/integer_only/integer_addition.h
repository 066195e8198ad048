#pragma once

#include <cstdint>
#include <vector>

#include "deploy/integer_only/fixed_point_map.h"
#include "deploy/network/integer_network.h"

namespace quench::deploy {

/// The codes of a residual sum or difference, for a = q1 - z1 and b = q2 - z2:
///
///   clamp((multiplier1 * a + multiplier2 * b + offset) / 2^shift, low, high),
///
/// except for the listed pairs, where f32 rounds differently. If no line is useful (levels other
/// than -1 and +1), `table` holds all codes.
struct IntegerAddition {
  struct Exception {
    std::int32_t a = 0, b = 0, code = 0;
    bool operator==(const Exception&) const = default;
  };

  std::int32_t multiplier1 = 0, multiplier2 = 0;
  std::int64_t offset = 0;
  int shift = 0;
  Rounding rounding = Rounding::floor;
  std::int32_t low = 0, high = 0;
  /// For a binary output: low and high are 0 and 1 and mean the codes -1 and +1.
  bool binary = false;
  std::vector<Exception> exceptions;
  std::vector<std::vector<std::int32_t>> table;  ///< [q1 - qmin1][q2 - qmin2]; empty for lines

  /// The code of the line, without exceptions.
  std::int32_t line(std::int32_t a, std::int32_t b) const;
  bool operator==(const IntegerAddition&) const = default;
};

/// The codes of `channel` of an output, compared with f32 for every pair of codes.
IntegerAddition integer_addition(const IntegerNetwork& network, const Operation& operation,
                                 const Output& output, std::size_t channel);

/// The same, as a table, for a product in which at least one grid has an offset (LSQ+), which is
/// not a function of the product of codes.
IntegerAddition product_table(const IntegerNetwork& network, const Operation& operation,
                              const Output& output, std::size_t channel);

}  // namespace quench::deploy
