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

/// The code of a real number of channel `channel`, as arithmetic.h takes it there; q itself.
std::int32_t code_of(float real, const Output& output, const quant::QuantGrid& grid,
                     std::size_t channel);
/// The same without clamps and rounding: what `real` becomes in units of codes, to compare with.
RealMap in_codes(RealMap real, const Output& output, const quant::QuantGrid& grid,
                 std::size_t channel);

/// From the sums of one channel to real numbers.
struct AccumulatorMap {
  std::function<float(std::int64_t)> real;  ///< in f32, as the interpreter has it
  RealMap linear;                           ///< unrounded
  std::int64_t begin = 0, end = 0;          ///< all sums there can be lie between
};

/// Of each output channel of a convolution; the sums are within largest_sums().
/// @throws std::invalid_argument  if it pads an input whose grid has an offset (LSQ+): what that
///                                adds then depends on the place
std::vector<AccumulatorMap> accumulator_maps(const IntegerNetwork& network,
                                             const Operation& operation,
                                             const Convolution& convolution);
/// Of an average over `count` places; the same for all channels.
AccumulatorMap average_map(const quant::QuantGrid& input, std::int64_t count);

/// Of products of codes (q1 - z1) (q2 - z2), which are what is summed here; neither grid has an offset.
AccumulatorMap product_map(const quant::QuantGrid& first, const quant::QuantGrid& second);

/// The codes of an output by the sums of channel `channel`. @param grid  of the output's value
StepFunction codes_of(const AccumulatorMap& map, const Output& output, const quant::QuantGrid& grid,
                      std::size_t channel);

}  // namespace quench::deploy
