#include <doctest/doctest.h>

#include "quant/fixture.h"

namespace quench::quant {
namespace {

std::unique_ptr<Quantizer> activation(Settings settings = {}) {
  return make("symmetric", {.role = Role::activation, .bits = 4}, std::move(settings));
}

TEST_CASE("symmetric activations: signs in the first batch choose the grid") {
  const auto positive = activation(), both = activation();
  positive->observe(Tensor::zeros({2}));
  positive->observe(vector_of({0.0f, 15.0f}));
  both->observe(vector_of({-14.0f, 7.0f}));
  CHECK(positive->grid().qmin == 0);
  CHECK(positive->grid().scale[0] == 1.0f);
  CHECK(both->grid().qmin == -7);
  CHECK(both->grid().scale[0] == 2.0f);
  CHECK(both->grid().zero_point[0] == 0);
}

TEST_CASE("symmetric activations: outside the averaged range the gradient is masked") {
  const auto quantizer = activation(Settings::from({{"momentum", 1.0}}));
  quantizer->calibratable()->calibrate(std::vector{ValueRange{-14.0, 3.0}});
  const Pass result = pass(*quantizer, vector_of({-14.0f, 14.5f, 2.9f}));
  CHECK(result.output.to_row_major() == std::vector<float>{-14, 14, 2});
  CHECK(result.gradient.to_row_major() == std::vector<float>{1, 0, 1});
}

}  // namespace
}  // namespace quench::quant
