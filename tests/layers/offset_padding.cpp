#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "layers/conv2d.h"
#include "layers/quantized_layer.h"
#include "layers/reference.h"
#include "quant/registry.h"

// An activation grid with an offset has no real 0, but padding stays real 0.

namespace quench::layers {
namespace {

using testing::converted;
using testing::naive_conv2d;
using testing::random_tensor;

/// The real values of x on its grid, in double, from the definition in grid.h.
std::vector<double> on_grid(const Tensor& x, const quant::QuantGrid& grid) {
  std::vector<double> result;
  for (const float value : x.to_row_major()) {
    const float steps = std::nearbyint((value - grid.offset) / grid.scale[0]);
    const float code =
        std::clamp(steps, static_cast<float>(grid.qmin), static_cast<float>(grid.qmax));
    result.push_back(double{grid.scale[0]} * double{code} + double{grid.offset});
  }
  return result;
}

TEST_CASE("lsq_plus: codes, offset and padding together are the convolution of the real values") {
  const Conv2dOptions options{.in_channels = 3,
                              .out_channels = 4,
                              .kernel_size = {3, 3},
                              .params = {.stride = {2, 1}, .padding = {1, 2, 1, 0}},
                              .bias = true};
  Random random(3, "test");
  Conv2d layer(options, random);
  const Tensor input = random_tensor({2, 3, 6, 5}, 5);
  quant::SlotSpec spec{.role = quant::Role::activation, .bits = 4, .slot = "input"};
  layer.set_input_quantizer(quant::make_quantizer("lsq_plus", spec));
  spec = {.role = quant::Role::weight, .bits = 4, .slot = "weight"};
  layer.set_weight_quantizer(quant::make_quantizer("lsq_plus", spec));
  Variable parameter = layer.parameters()[1].value;
  Tensor& bias = parameter.mutable_value();
  bias.copy_from(random_tensor({4}, 6));

  const Tensor trained = layer(Variable(input)).value();
  layer.set_quantizer_mode(quant::Mode::evaluation);
  const Tensor evaluated = layer(Variable(input)).value();

  const quant::QuantGrid grid = layer.input_quantizer().grid();
  REQUIRE(std::abs(grid.offset) > 0.1f);
  const std::vector<double> weight =
      on_grid(layer.weight().value(), layer.weight_quantizer().grid());
  const std::vector<double> expected = naive_conv2d(on_grid(input, grid), input.shape(), weight,
                                                    layer.weight().shape(), options.params);
  const std::size_t pixels = expected.size() / 8;
  const std::vector<float> codes = evaluated.to_row_major(), values = trained.to_row_major();
  REQUIRE(codes.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double with_bias = expected[i] + double{bias.data()[i / pixels % 4]};
    CHECK(std::abs(codes[i] - with_bias) < 1e-5);
    CHECK(std::abs(values[i] - with_bias) < 1e-5);
  }
}

}  // namespace
}  // namespace quench::layers
