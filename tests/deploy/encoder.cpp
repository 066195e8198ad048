#include "deploy/engine/encoder.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "core/random.h"
#include "deploy/network/arithmetic.h"

using namespace quench;
using namespace quench::deploy;

namespace {

/// Checks the code of every float32 next to a change of codes, and of values in between.
void check_encoder(const quant::QuantGrid& grid, Activation activation) {
  CAPTURE(grid.scale[0]);
  CAPTURE(grid.qmin);
  const Affine clamp{{}, {}, activation};
  int wrong = 0;
  const auto check = [&](auto encode, float x) {
    wrong += encode(x) != stored_code(apply(clamp, 0, x), grid) ? 1 : 0;
  };
  Encoder(grid, activation).run([&](auto encode) {
    const float infinity = std::numeric_limits<float>::infinity();
    for (int code = grid.qmin - 2; code <= grid.qmax + 2; ++code) {
      const float edge =
          (static_cast<float>(code - grid.zero_point[0]) + 0.5f) * grid.scale[0] + grid.offset;
      float up = edge, down = edge;
      for (int i = 0; i < 40; ++i) {
        check(encode, up);
        check(encode, down);
        up = std::nextafter(up, infinity);
        down = std::nextafter(down, -infinity);
      }
    }
    Random random(3, "test");
    for (int i = 0; i < 2000; ++i) check(encode, random.uniform(-300.0f, 300.0f) * grid.scale[0]);
    for (const float x : {0.0f, -0.0f, 1e-38f, -1e-38f, 1e9f, -1e9f}) check(encode, x);
    for (const float quotient : {1e37f, -1e37f})
      check(encode, std::min(grid.scale[0], 1.0f) * quotient);
  });
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("encoder: the codes of the division, at every tie and next to it") {
  Random random(1, "test");
  for (const Activation activation :
       {Activation::none, Activation::relu, Activation::relu6, Activation::hardtanh}) {
    for (quant::QuantGrid grid :
         {quant::unsigned_grid(8), quant::signed_narrow_grid(4), quant::signed_full_grid(8)}) {
      for (int i = 0; i < 6; ++i) {
        grid.scale[0] = std::exp2(random.uniform(-12.0f, 3.0f));
        grid.zero_point[0] = i % 2 == 0 ? 0 : grid.qmin + 3 * i;
        check_encoder(grid, activation);
      }
      grid.zero_point[0] = 0;
      for (const float scale : {0.25f, 1.0f, 0.1f, 1e-35f, 1e35f}) {
        grid.scale[0] = scale;
        check_encoder(grid, activation);
      }
    }
  }
}

TEST_CASE("encoder: grids with an offset") {
  quant::QuantGrid grid = quant::unsigned_grid(4);
  grid.scale[0] = 0.37f;
  grid.offset = -0.21f;
  check_encoder(grid, Activation::none);
}
