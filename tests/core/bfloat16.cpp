#include "core/ops/bfloat16.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "core/half.h"
#include "core/random.h"

namespace quench {
namespace {

Tensor random_tensor(const Shape& shape, std::string_view stream) {
  Random random(9, stream);
  Tensor tensor(shape);
  for (float& value : tensor.span()) value = random.normal();
  return tensor;
}

/// The nearest value with 8 significant bits, in double.
double nearest(double x) {
  if (x == 0.0) return x;
  const double unit = std::ldexp(1.0, std::ilogb(x) - 7);
  return std::nearbyint(x / unit) * unit;
}

TEST_CASE("bfloat16: the nearest of 8 significant bits, ties to even, for any length") {
  for (const std::int64_t count : {1, 7, 33, 70'001}) {
    const Tensor x = random_tensor({count}, "round");
    const Tensor y = to_float32(to_bfloat16(x));
    bool equal = true;
    for (std::int64_t i = 0; i < count; ++i)
      equal = equal && y.data()[i] == nearest(static_cast<double>(x.data()[i]));
    CHECK(equal);
  }
  CHECK(from_bfloat(to_bfloat(1.00390625f).bits) == 1.0f);       // 1 + 2^-8, a tie
  CHECK(from_bfloat(to_bfloat(1.01171875f).bits) == 1.015625f);  // 1 + 3 * 2^-8
  CHECK(std::isinf(from_bfloat(to_bfloat(3.4e38f).bits)));
  CHECK(std::isnan(from_bfloat(to_bfloat(std::numeric_limits<float>::signaling_NaN()).bits)));
}

TEST_CASE("bfloat16: channels are scaled before they are rounded") {
  const Tensor x = random_tensor({3, 5, 2, 4}, "scale");
  const std::vector<float> scale{1.0f, 0.3f, 7.0f, 1e-3f, 2.5f};
  const std::vector<float> y = to_float32(to_bfloat16(x, scale)).to_row_major();
  const std::vector<float> values = x.to_row_major();
  for (std::size_t i = 0; i < values.size(); ++i)
    CHECK(y[i] == nearest(static_cast<double>(values[i] * scale[i / 8 % 5])));
  CHECK_THROWS_WITH_AS(to_bfloat16(x, std::array{1.0f, 2.0f}),
                       "to_bfloat16: expected 1 or 5 scales, got 2", std::invalid_argument);
}

}  // namespace
}  // namespace quench
