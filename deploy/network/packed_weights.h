#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "deploy/network/integer_network.h"

namespace quench::deploy {

/// The weights of a convolution as a model file holds them: grid.bits bits each, one after the
/// other, the low bits of a byte first; so 4-bit weights lie two to a byte, the low nibble first,
/// and 1-bit weights eight. The bits count from qmin on, or number the levels of a grid that has
/// such. Bits that are left of the last byte are 0.
/// @pre check_network() accepts it
std::vector<std::byte> pack_weights(const Convolution& convolution);

/// The inverse, of `count` weights.
/// @param grid  with as many scales as the first `count` weights have output channels, or one
/// @throws std::invalid_argument  for a number of bytes other than packed_bytes(count, grid.bits),
///                                bits that number no code, or a weight larger than 255
std::vector<std::int16_t> unpack_weights(std::span<const std::byte> bytes, std::size_t count,
                                         const quant::QuantGrid& grid);

/// @param bits  1 to 8
std::size_t packed_bytes(std::size_t count, int bits);

/// What the weights of a network occupy.
struct WeightBytes {
  std::size_t packed = 0;   ///< in a model file
  std::size_t float32 = 0;  ///< as 32-bit floats
};
WeightBytes weight_bytes(const IntegerNetwork& network);

}  // namespace quench::deploy
