#include "deploy/network/packed_weights.h"

#include <doctest/doctest.h>

#include "deploy/small_network.h"

using namespace quench;
using namespace quench::deploy;
using quant::QuantGrid;

namespace {

Convolution with_weights(QuantGrid grid, std::vector<std::int16_t> weight) {
  Convolution convolution{.out_channels = 1, .weight_grid = std::move(grid)};
  convolution.weight = std::move(weight);
  return convolution;
}

std::vector<int> packed(const Convolution& convolution) {
  std::vector<int> bytes;
  for (const std::byte byte : pack_weights(convolution))
    bytes.push_back(std::to_integer<int>(byte));
  return bytes;
}

}  // namespace

TEST_CASE("packed_weights: two 4-bit codes per byte, low nibble first, counted from qmin") {
  CHECK(packed(with_weights(quant::signed_full_grid(4), {-8, 7, 0})) ==
        std::vector<int>{0xf0, 0x08});
  CHECK(packed(with_weights(quant::signed_narrow_grid(4), {-7, 7, 0})) ==
        std::vector<int>{0xe0, 0x07});
}

TEST_CASE("packed_weights: eight 1-bit codes per byte, +1 is a set bit") {
  CHECK(packed(with_weights(quant::binary_grid(), {-1, 1, 1, -1, -1, -1, -1, 1, 1})) ==
        std::vector<int>{0b10000110, 1});
}

TEST_CASE("packed_weights: 3-bit codes cross bytes, low bits first") {
  // 1, 2, 3, 4 of 3 bits: 100 011 010 001.
  CHECK(packed(with_weights(quant::unsigned_grid(3), {1, 2, 3, 4})) ==
        std::vector<int>{0b11010001, 0b1000});
}

TEST_CASE("packed_weights: levels are numbered") {
  const QuantGrid grid{.bits = 2, .qmin = -3, .qmax = 3, .levels = {-3, -1, 1, 3}};
  CHECK(packed(with_weights(grid, {3, -3, -1, 1})) == std::vector<int>{0b10010011});
}

TEST_CASE("packed_weights: unpacking restores the weights, for every width") {
  for (int bits = 1; bits <= 8; ++bits) {
    CAPTURE(bits);
    QuantGrid grid = quant::unsigned_grid(bits);
    grid.set_channels(2, true);
    grid.zero_point = {0, grid.qmax / 2};
    std::vector<std::int16_t> weight;
    for (const int zero : grid.zero_point) {
      for (int i = 0; i < 31; ++i)
        weight.push_back(static_cast<std::int16_t>(i * 7 % (grid.qmax + 1) - zero));
    }
    const Convolution convolution = with_weights(grid, weight);
    const std::vector<std::byte> bytes = pack_weights(convolution);
    CHECK(bytes.size() == static_cast<std::size_t>((62 * bits + 7) / 8));
    CHECK(unpack_weights(bytes, 62, grid) == weight);
  }
}

TEST_CASE("packed_weights: invalid bytes are rejected") {
  const auto refuse = [](std::vector<int> numbers, std::size_t count, const QuantGrid& grid) {
    std::vector<std::byte> bytes;
    for (const int number : numbers) bytes.push_back(static_cast<std::byte>(number));
    CHECK_THROWS_AS(unpack_weights(bytes, count, grid), std::invalid_argument);
  };
  refuse({0x10}, 1, quant::signed_full_grid(4));          // a bit after the last weight
  refuse({0x0f}, 2, quant::signed_narrow_grid(4));        // 15 of codes 0..14
  refuse({0x03}, 1, quant::signed_narrow_grid(2));        // 3 of codes 0..2
  refuse({0x00, 0x00}, 2, quant::signed_full_grid(4));    // one byte too many
  refuse({0x00}, 1, QuantGrid{.qmin = -300, .qmax = 0});  // no weight is so large
  QuantGrid grid = quant::signed_full_grid(4);
  grid.set_channels(3, true);
  refuse({0x00}, 2, grid);  // 2 weights of 3 channels
  grid.set_channels(0, true);
  refuse({0x00}, 2, grid);
  grid = quant::signed_full_grid(4);
  grid.bits = 9;
  refuse({0x00}, 2, grid);
}

TEST_CASE("packed_weights: the bytes of a network") {
  const WeightBytes bytes = weight_bytes(testing::small_network());
  // 108 of 4 bits, 72 of 1, 14 of 3, 10 of 3.
  CHECK(bytes.packed == 54 + 9 + 6 + 4);
  CHECK(bytes.float32 == 4 * (108 + 72 + 14 + 10));
}
