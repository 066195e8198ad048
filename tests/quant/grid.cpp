#include "quant/grid.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "quant/fixture.h"

namespace quench::quant {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST_CASE("grids: the named ranges") {
  const auto range = [](const QuantGrid& grid) { return std::pair(grid.qmin, grid.qmax); };
  CHECK(range(signed_narrow_grid(8)) == std::pair(-127, 127));
  CHECK(range(signed_narrow_grid(2)) == std::pair(-1, 1));
  CHECK(range(signed_full_grid(4)) == std::pair(-8, 7));
  CHECK(range(unsigned_grid(1)) == std::pair(0, 1));
  CHECK(range(unsigned_grid(8)) == std::pair(0, 255));
  CHECK(binary_grid().binary());
  CHECK_THROWS_WITH_AS(signed_narrow_grid(1), "signed_narrow_grid: expected bits in 2..8, got 1",
                       std::invalid_argument);
}

TEST_CASE("codes: ties go to even, infinities saturate, NaN becomes the zero point") {
  QuantGrid grid = unsigned_grid(4);
  grid.zero_point[0] = 10;
  const Tensor codes =
      centered_codes(vector_of({0.5f, 1.5f, -2.5f, kInf, -kInf, kNan, 1e30f}), grid);
  CHECK(codes.to_row_major() == std::vector<float>{0, 2, -2, 5, -10, 0, 5});
}

TEST_CASE("codes: a quotient is divided, not multiplied by the reciprocal") {
  // 4.5 steps of 0.3: x / s is the tie 4.5 in float, x * (1 / s) lands above it.
  QuantGrid grid = signed_narrow_grid(8);
  int differences = 0;
  for (int i = 1; i < 2000; ++i) {
    grid.scale[0] = static_cast<float>(i) * 0.001f;
    const float x = 4.5f * grid.scale[0];
    CHECK(centered_codes(vector_of({x}), grid).item() == std::nearbyint(x / grid.scale[0]));
    differences += std::nearbyint(x / grid.scale[0]) != std::nearbyint(x * (1.0f / grid.scale[0]));
  }
  CHECK(differences > 0);
}

TEST_CASE("codes: rounding to 0 from below gives +0, as an integer would") {
  CHECK_FALSE(std::signbit(centered_codes(vector_of({-0.2f}), signed_narrow_grid(4)).item()));
}

TEST_CASE("a binary grid has no 0: zeros of both signs and NaN are +1") {
  QuantGrid grid = binary_grid();
  grid.scale[0] = 0.5f;
  const Tensor x = vector_of({0.0f, -0.0f, kNan, -1e-30f, -kInf, 3.0f});
  CHECK(centered_codes(x, grid).to_row_major() == std::vector<float>{1, 1, 1, -1, -1, 1});
  CHECK(fake_quantize(x, grid).data()[3] == -0.5f);
}

TEST_CASE(
    "per channel: every slice along axis 0 has its own scale, for any rank and thread split") {
  for (const Shape& shape : {Shape{5}, Shape{3, 7}, Shape{4, 3, 2, 5}, Shape{2, 40000}}) {
    QuantGrid grid = signed_narrow_grid(4);
    grid.axis = 0;
    grid.scale.clear();
    for (std::int64_t c = 0; c < shape[0]; ++c)
      grid.scale.push_back(0.1f * static_cast<float>(c + 1));
    grid.zero_point.assign(grid.scale.size(), 0);
    const Tensor x = random_tensor(shape, 3);
    const std::vector<float> y = fake_quantize(x, grid).to_row_major(), in = x.to_row_major();
    const std::size_t slice = in.size() / grid.scale.size();
    bool equal = true;
    for (std::size_t i = 0; i < in.size(); ++i) {
      const float scale = grid.scale[i / slice];
      const float code = std::max(-7.0f, std::min(7.0f, std::nearbyint(in[i] / scale)));
      equal = equal && y[i] == scale * code;
    }
    CHECK(equal);
    CHECK(same_bits(fake_quantize(x, grid), dequantize(centered_codes(x, grid), grid)));
  }
}

TEST_CASE("check_grid: the error names the invalid field") {
  QuantGrid grid = signed_narrow_grid(8);
  grid.scale[0] = 0.0f;
  CHECK_THROWS_WITH_AS(check_grid(grid, {3}), "grid: expected a finite scale > 0, got 0",
                       std::invalid_argument);
  grid = signed_narrow_grid(8);
  grid.axis = 0;
  CHECK_THROWS_WITH_AS(check_grid(grid, {3, 2}),
                       "grid: expected 3 scales and zero points for shape [3, 2], got 1 and 1",
                       std::invalid_argument);
  grid.axis = 1;
  CHECK_THROWS_AS(check_grid(grid, {3, 2}), std::invalid_argument);
  grid = unsigned_grid(4);
  grid.zero_point[0] = 16;
  CHECK_THROWS_WITH_AS(check_grid(grid, {3}), "grid: expected a zero point in 0..15, got 16",
                       std::invalid_argument);
}

TEST_CASE("an empty tensor has no codes and no error") {
  CHECK(fake_quantize(Tensor({0, 4}), signed_narrow_grid(8)).numel() == 0);
}

}  // namespace
}  // namespace quench::quant
