#include "quant/parts/straight_through.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/ops/bits.h"
#include "core/random.h"

namespace quench::quant {
namespace {

TEST_CASE("masked gradient: any range has the elements of the whole") {
  constexpr std::int64_t kCount = 5003;
  std::vector<std::uint8_t> flags(kCount);
  Tensor grad({kCount});
  Random random(2, "mask");
  for (std::int64_t i = 0; i < kCount; ++i) {
    flags[static_cast<std::size_t>(i)] = random.uniform(0.0f, 1.0f) < 0.5f ? 0 : 1;
    grad.data()[i] = static_cast<float>(i) - 100.0f;
  }
  Tensor bits({bytes_of_bits(kCount)}, DType::u8);
  pack_bits(flags.data(), kCount, bits.data<std::uint8_t>());
  const Tensor masked = masked_gradient(grad, bits, 0.25f);
  const auto expected = [&](std::int64_t i) {
    return flags[static_cast<std::size_t>(i)] != 0 ? 0.25f * (static_cast<float>(i) - 100.0f)
                                                   : 0.0f;
  };
  std::vector<float> buffer(kCount);
  for (const std::int64_t begin : {0, 1, 7, 8, 31, 32, 33, 2047, 4990}) {
    for (const std::int64_t size : {0, 1, 2, 13, 31, 32, 33, 64, 2048, 4000}) {
      const std::int64_t end = std::min(begin + size, kCount);
      CAPTURE(begin);
      CAPTURE(end);
      masked.read(begin, end, buffer.data());
      bool equal = true;
      for (std::int64_t i = begin; i < end; ++i)
        equal = equal && buffer[static_cast<std::size_t>(i - begin)] == expected(i);
      CHECK(equal);
    }
  }
  CHECK(masked.data()[kCount - 1] == expected(kCount - 1));
}

}  // namespace
}  // namespace quench::quant
