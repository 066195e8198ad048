#pragma once

#include <cstdint>
#include <vector>

#include "deploy/integer_only/fixed_point_map.h"
#include "deploy/network/integer_network.h"

namespace quench::deploy {

/// Codes of a residual sum or difference, of a = q1 - z1 and b = q2 - z2:
///
///   clamp((multiplier1 * a + multiplier2 * b + offset) / 2^shift, low, high),
///
/// but for the pairs listed, where f32 rounded otherwise. Where a line is of no use (the codes are
/// levels other than -1 and +1), `table` holds them all.
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
  /// Of a binary output low and high are 0 and 1, and stand for these.
  bool binary = false;
  std::vector<Exception> exceptions;
  std::vector<std::vector<std::int32_t>> table;  ///< [q1 - qmin1][q2 - qmin2]; empty for lines

  /// What the line alone gives.
  std::int32_t line(std::int32_t a, std::int32_t b) const;
  bool operator==(const IntegerAddition&) const = default;
};

/// Of channel `channel` of an output; compared with f32 for every pair of codes.
IntegerAddition integer_addition(const IntegerNetwork& network, const Operation& operation,
                                 const Output& output, std::size_t channel);

/// The table, likewise, of a product of two real numbers, of which at least one has an offset (LSQ+):
/// it is no function of the product of codes.
IntegerAddition product_table(const IntegerNetwork& network, const Operation& operation,
                              const Output& output, std::size_t channel);

}  // namespace quench::deploy
