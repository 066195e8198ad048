#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "deploy/network/integer_network.h"
#include "deploy/network/step_function.h"

namespace quench::deploy {

/// y = slope * x + offset, in double.
struct RealMap {
  double slope = 0.0, offset = 0.0;
};

/// The code q of a real value in `channel`, after the steps of arithmetic.h.
std::int32_t code_of(float real, const Output& output, const quant::QuantGrid& grid,
                     std::size_t channel);
/// The same in units of codes, without clamps and rounding, for comparison.
RealMap in_codes(RealMap real, const Output& output, const quant::QuantGrid& grid,
                 std::size_t channel);

/// Maps the sums of one channel to real values.
struct AccumulatorMap {
  std::function<float(std::int64_t)> real;  ///< in f32, as in the interpreter
  RealMap linear;                           ///< unrounded
  std::int64_t begin = 0, end = 0;          ///< the range of possible sums
};

/// The maps of a convolution's output channels, for sums within largest_sums().
/// @throws std::invalid_argument  if it pads an input whose grid has an offset (LSQ+): its
///                                contribution then depends on the position
std::vector<AccumulatorMap> accumulator_maps(const IntegerNetwork& network,
                                             const Operation& operation,
                                             const Convolution& convolution);
/// The map of an average over `count` pixels, the same for all channels.
AccumulatorMap average_map(const quant::QuantGrid& input, std::int64_t count);

/// The map of products (q1 - z1) (q2 - z2), used as sums; neither grid has an offset.
AccumulatorMap product_map(const quant::QuantGrid& first, const quant::QuantGrid& second);

/// The codes of an output as a function of the sums of `channel`.
/// @param grid  of the output's value
StepFunction codes_of(const AccumulatorMap& map, const Output& output, const quant::QuantGrid& grid,
                      std::size_t channel);

}  // namespace quench::deploy
