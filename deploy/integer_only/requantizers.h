#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "deploy/integer_only/fixed_point_map.h"
#include "deploy/integer_only/integer_addition.h"
#include "deploy/network/integer_network.h"
#include "deploy/network/step_function.h"

namespace quench::deploy {

// A network without floats: for each output of each operation what takes its integers to codes, as
// integers. Every form was compared with the f32 arithmetic of arithmetic.h at all integers there can
// be (largest_sums()), by the places where codes change; so the codes are those of the engine.

/// What is enough to compute the codes of a channel from its sums, simplest first.
enum class Form : std::uint8_t { constant, shift, multiplier, thresholds };

/// One way from sums to codes in integers, with the codes of f32 at every sum.
struct Requantizer {
  Form form = Form::constant;
  FixedPointMap line;       ///< for thresholds: the closest one, if there are at least two of them
  StepFunction codes;       ///< of thresholds; of others without steps
  Difference line_differs;  ///< `line` from the codes; of thresholds alone not 0

  std::int32_t operator()(std::int64_t sum) const;
};

/// The simplest form of these codes. One threshold is simpler than a line.
Requantizer simplest_requantizer(StepFunction codes);

/// Of sums: of a convolution, or of an average over `count` places (borders have fewer). A product of
/// two codes is such a sum too.
struct SumForms {
  std::int64_t count = 1;
  std::vector<Requantizer> channels;  ///< one per channel, or one for all
  /// In how many of them that have more than one step the multiplier and offset that come from the
  /// scales alone are exact too.
  std::int64_t nominal_exact = 0;
};

/// Of a residual sum, and of a product that is no product of codes.
struct AdditionForms {
  std::vector<IntegerAddition> channels;  ///< one per channel, or one for all
};

/// Of a function of one code: the code of the output by q - qmin of the input.
struct TableForms {
  std::vector<std::vector<std::int32_t>> channels;  ///< one per channel, or one for all
};

/// The real values at the end of a network in fixed point: real[c] is about
/// (multiplier[c] * sum + offset[c]) / 2^shift. Their order is that of the integers.
struct Scores {
  std::vector<std::int32_t> multiplier;
  std::vector<std::int64_t> offset;
  int shift = 0;
  /// The largest distance from the f32 number, of all sums there can be; a real number.
  double largest_error = 0.0;
};

/// An operation that moves codes needs none, nor does the image: what makes its pixels is not here.
using OutputForms =
    std::variant<std::monostate, std::vector<SumForms>, AdditionForms, TableForms, Scores>;

/// The forms of an operation's outputs, in their order.
/// @throws std::invalid_argument  naming an operation that has none: a real output of something else
///                                than a convolution, padding off the grid (LSQ+)
std::vector<OutputForms> requantizers(const IntegerNetwork& network, const Operation& operation);

}  // namespace quench::deploy
