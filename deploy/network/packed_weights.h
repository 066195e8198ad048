#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "deploy/network/integer_network.h"

namespace quench::deploy {

/// The weights of a convolution as stored in a model file: grid.bits bits each, consecutive, with
/// the low bits of a byte first. A byte holds two 4-bit weights, the low nibble first, or eight
/// 1-bit weights. The bits count from qmin, or index the grid's levels if it has any. Unused bits
/// of the last byte are 0.
/// @pre check_network() accepts the network
std::vector<std::byte> pack_weights(const Convolution& convolution);

/// The inverse, for `count` weights.
/// @param grid  with one scale per output channel of the `count` weights, or one in total
/// @throws std::invalid_argument  if the number of bytes is not packed_bytes(count, grid.bits),
///                                a code is invalid, or a weight exceeds 255
std::vector<std::int16_t> unpack_weights(std::span<const std::byte> bytes, std::size_t count,
                                         const quant::QuantGrid& grid);

/// @param bits  1 to 8
std::size_t packed_bytes(std::size_t count, int bits);

/// The size of a network's weights in bytes.
struct WeightBytes {
  std::size_t packed = 0;   ///< in a model file
  std::size_t float32 = 0;  ///< as float32
};
WeightBytes weight_bytes(const IntegerNetwork& network);

}  // namespace quench::deploy
