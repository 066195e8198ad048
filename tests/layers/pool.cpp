#include "layers/pool.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "layers/attach_quantizers.h"
#include "layers/composite.h"
#include "layers/reference.h"
#include "quant/registry.h"

namespace quench::layers {
namespace {

using quant::Mode;
using quant::Role;
using testing::make_quantizer;
using testing::random_tensor;

std::int64_t code(float x, const quant::QuantGrid& grid) {
  return std::clamp<std::int64_t>(std::llrint(x / grid.scale[0]) + grid.zero_point[0], grid.qmin,
                                  grid.qmax) -
         grid.zero_point[0];
}

TEST_CASE("average pool in evaluation: the sum of codes over the count, times the scale") {
  AveragePool2d pool({.kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1, 1, 1}});
  pool.set_input_quantizer(make_quantizer("affine", Role::activation, 8));
  const Tensor x = random_tensor({2, 3, 5, 5}, 1);
  pool.input_quantizer().observe(x);
  pool.set_quantizer_mode(Mode::evaluation);
  const quant::QuantGrid grid = pool.input_quantizer().grid();
  REQUIRE(grid.zero_point[0] != 0);
  const std::vector<float> values = x.to_row_major();
  const std::vector<float> means = pool(Variable(x)).value().to_row_major();
  std::size_t at = 0;
  for (std::size_t plane = 0; plane < 6; ++plane)
    for (int oy = 0; oy < 3; ++oy)
      for (int ox = 0; ox < 3; ++ox) {
        std::int64_t sum = 0, count = 0;
        for (int iy = 2 * oy - 1; iy <= 2 * oy + 1; ++iy)
          for (int ix = 2 * ox - 1; ix <= 2 * ox + 1; ++ix) {
            if (iy < 0 || iy >= 5 || ix < 0 || ix >= 5) continue;
            sum += code(values[plane * 25 + static_cast<std::size_t>(iy * 5 + ix)], grid);
            ++count;
          }
        // Padding does not count.
        const float mean = static_cast<float>(sum) / static_cast<float>(count);
        CHECK(means[at++] == grid.scale[0] * mean);
      }
}

TEST_CASE("global average pool: an offset of the grid is added once") {
  GlobalAveragePool pool;
  pool.set_input_quantizer(make_quantizer("lsq_plus", Role::activation, 4));
  const Tensor x = random_tensor({2, 3, 4, 4}, 1);
  pool(Variable(x));  // starts step and offset
  pool.set_quantizer_mode(Mode::evaluation);
  const Tensor on_grid = quant::fake_quantize(x, pool.input_quantizer().grid());
  const std::vector<float> values = on_grid.to_row_major();
  const std::vector<float> means = pool(Variable(x)).value().to_row_major();
  for (std::size_t plane = 0; plane < 6; ++plane) {
    double sum = 0.0;
    for (std::size_t i = 0; i < 16; ++i) sum += double{values[plane * 16 + i]};
    CHECK(means[plane] == doctest::Approx(sum / 16.0).epsilon(1e-5));
  }
}

TEST_CASE("pools: the policy's rule fills their slot, in training they average grid values") {
  Sequential network;
  auto pool = network.append("pool", std::make_shared<GlobalAveragePool>());
  attach_quantizers(network,
                    quant::Policy(Settings::from({{"method", "tqt"}, {"pool", Settings()}})));
  CHECK(pool->input_quantizer().method() == "tqt");
  CHECK(pool->input_quantizer().slot() == "pool.input");
  CHECK(network.parameters().at(0).name == "pool.input_quantizer.log2_t");
  const Tensor x = random_tensor({1, 1, 2, 2}, 1);
  const float trained = network(Variable(x)).value().item();
  const Tensor on_grid = quant::fake_quantize(x, pool->input_quantizer().grid());
  double sum = 0.0;
  for (const float v : on_grid.span()) sum += double{v};
  CHECK(double{trained} == doctest::Approx(sum / 4.0));
}

}  // namespace
}  // namespace quench::layers
