#include "core/ops/byte_codes.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "core/ops/bfloat16.h"
#include "core/random.h"

namespace quench {
namespace {

/// Every integer of a grid, several times, and its value.
struct Filled {
  std::vector<int> integers;
  Tensor values;
};

Filled fill(const ByteGrid& grid) {
  constexpr std::int64_t kRows = 50;
  const std::int64_t width = grid.high - grid.low + 1;
  Filled filled{.integers = {}, .values = Tensor({kRows, width})};
  for (std::int64_t i = 0; i < kRows * width; ++i) {
    const int q = grid.low + static_cast<int>(i % width);
    filled.integers.push_back(q);
    filled.values.data()[i] = grid.scale * static_cast<float>(q) + grid.offset;
  }
  return filled;
}

const ByteGrid kGrids[]{{},
                        {.scale = 0.1f, .low = -127, .high = 127},
                        {.scale = 3.7e-3f, .low = -37, .high = 218},
                        {.scale = 0.43f, .low = -1, .high = 1},
                        {.scale = 0.07f, .offset = -0.31f, .low = 0, .high = 15}};

TEST_CASE("to_bytes: a byte holds q - low, and gives back value and integer") {
  for (const ByteGrid& grid : kGrids) {
    CAPTURE(grid.scale);
    const Filled filled = fill(grid);
    const std::optional<Tensor> bytes = to_bytes(filled.values, grid);
    REQUIRE(bytes);
    const Tensor integers = to_float32(bytes_to_bfloat16(*bytes, grid));
    for (std::size_t i = 0; i < filled.integers.size(); ++i) {
      REQUIRE(int{bytes->data<std::uint8_t>()[i]} == filled.integers[i] - grid.low);
      REQUIRE(integers.data()[i] == static_cast<float>(filled.integers[i]));
    }
    CHECK(bytes_to_float32(*bytes, grid).to_row_major() == filled.values.to_row_major());
  }
}

TEST_CASE("to_bytes: a value off the grid, by rounding alone or past its ends, gives nothing") {
  for (const ByteGrid& grid : kGrids) {
    const Tensor values = fill(grid).values;
    const float infinity = std::numeric_limits<float>::infinity();
    for (const float off :
         {std::nextafter(grid.scale, infinity) + grid.offset, 0.5f * grid.scale + grid.offset,
          grid.scale * static_cast<float>(grid.high + 1) + grid.offset,
          grid.scale * static_cast<float>(grid.low - 1) + grid.offset, infinity,
          std::numeric_limits<float>::quiet_NaN()}) {
      // A sum with an offset may round away the last bit.
      if (grid.offset != 0.0f && off == grid.scale + grid.offset) continue;
      Tensor one_off = values.clone();
      one_off.data()[values.numel() - 3] = off;
      CAPTURE(off);
      CHECK_FALSE(to_bytes(one_off, grid));
    }
  }
  CHECK_THROWS_WITH_AS(
      to_bytes(Tensor::zeros({2}), {.low = -3, .high = 253}),
      "to_bytes: expected codes in [low, high] with low <= 0 <= high <= low + 255, "
      "got -3 and 253",
      std::invalid_argument);
}

TEST_CASE("pack_binary: a bit for each of the bytes 0 and 2, and back") {
  for (const std::int64_t count : {1, 8, 2047, 2048, 2049, 100003}) {
    Random random(2, "signs");
    Tensor bytes({1, count}, DType::u8);
    for (std::uint8_t& byte : bytes.span<std::uint8_t>())
      byte = static_cast<std::uint8_t>(2 * random.below(2));
    const Tensor bits = pack_binary(bytes);
    CHECK(bits.numel() == (count + 7) / 8);
    for (std::int64_t i = 0; i < count; ++i)
      REQUIRE(((bits.data<std::uint8_t>()[i / 8] >> (i % 8)) & 1) ==
              bytes.data<std::uint8_t>()[i] / 2);
    CHECK(unpack_binary(bits, bytes.shape()).to_row_major<std::uint8_t>() ==
          bytes.to_row_major<std::uint8_t>());
  }
}

TEST_CASE("integer_weights: the integers of each slice by its scale, or nothing off the grid") {
  const std::vector<float> scale{0.01f, 3.0f, 0.37f};
  Tensor weight({3, 4000});
  std::vector<std::int16_t> expected;
  Random random(1, "weights");
  for (std::int64_t i = 0; i < weight.numel(); ++i) {
    const auto q = static_cast<std::int16_t>(static_cast<int>(random.below(511)) - 255);
    expected.push_back(q);
    weight.data()[i] = scale[static_cast<std::size_t>(i / 4000)] * static_cast<float>(q);
  }
  CHECK(integer_weights(weight, scale) == expected);
  const Tensor operand = to_float32(integers_to_bfloat16(expected, weight.shape()));
  for (std::size_t i = 0; i < expected.size(); ++i)
    REQUIRE(operand.data()[i] == static_cast<float>(expected[i]));
  for (const float off : {3.0f * 256.0f, 4.0f}) {
    Tensor changed = weight.clone();
    changed.data()[4000] = off;
    CHECK_FALSE(integer_weights(changed, scale));
  }
}

}  // namespace
}  // namespace quench
