#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "deploy/integer_only/fixed_point_map.h"
#include "deploy/integer_only/integer_addition.h"
#include "deploy/network/integer_network.h"
#include "deploy/network/step_function.h"

namespace quench::deploy {

// A network without floats: integer arithmetic that converts the sums of every output to codes.
// Every form was compared with the f32 arithmetic of arithmetic.h at all possible sums
// (largest_sums()), through the positions where codes change, so the codes equal those of the
// engine.

/// Ways to compute the codes of a channel from its sums, simplest first.
enum class Form : std::uint8_t { constant, shift, multiplier, thresholds };

/// Converts sums to codes with integers; the codes equal those of f32 at every sum.
struct Requantizer {
  Form form = Form::constant;
  FixedPointMap line;       ///< for thresholds: the closest line, given at least two of them
  StepFunction codes;       ///< for thresholds; without steps otherwise
  Difference line_differs;  ///< the errors of `line`; 0 except for thresholds

  std::int32_t operator()(std::int64_t sum) const;
};

/// The simplest form of these codes. One threshold is simpler than a line.
Requantizer simplest_requantizer(StepFunction codes);

/// For sums of a convolution, products of two codes, or averages over `count` pixels (fewer at
/// borders).
struct SumForms {
  std::int64_t count = 1;
  std::vector<Requantizer> channels;  ///< one per channel, or one for all
  /// How many channels with more than one step have an exact nominal_line().
  std::int64_t nominal_exact = 0;
};

/// For a residual sum, or a product of grids with an offset.
struct AdditionForms {
  std::vector<IntegerAddition> channels;  ///< one per channel, or one for all
};

/// For a function of one code: the output code by q - qmin of the input.
struct TableForms {
  std::vector<std::vector<std::int32_t>> channels;  ///< one per channel, or one for all
};

/// The real outputs of a network in fixed point:
/// real[c] is about (multiplier[c] * sum + offset[c]) / 2^shift. The integers have the same order.
struct Scores {
  std::vector<std::int32_t> multiplier;
  std::vector<std::int64_t> offset;
  int shift = 0;
  /// The largest difference from f32 over a thousand sums, in real units.
  double largest_error = 0.0;
};

/// Empty for operations that move codes, and for the input image.
using OutputForms =
    std::variant<std::monostate, std::vector<SumForms>, AdditionForms, TableForms, Scores>;

/// The forms of an operation's outputs, in their order.
/// @throws std::invalid_argument  naming an operation without integer form: a real output of
///                                anything but a convolution, padding of an input with an offset
///                                (LSQ+), or an image added to the pixels
std::vector<OutputForms> requantizers(const IntegerNetwork& network, const Operation& operation);

}  // namespace quench::deploy
