#include "layers/batch_norm.h"

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

#include "layers/reference.h"

namespace quench::layers {
namespace {

Tensor column(const std::vector<float>& values) {
  return Tensor::from_row_major({static_cast<std::int64_t>(values.size()), 1}, values);
}

TEST_CASE("batch norm layer: training updates the statistics by momentum, evaluation uses them") {
  BatchNorm norm(1, {.eps = 0.0f, .momentum = 0.25f});
  const auto buffers = norm.buffers();
  // Mean 4; variance 5, unbiased 20 / 3.
  const Tensor output = norm(Variable(column({1, 3, 5, 7}))).value();
  CHECK(output.data()[0] == doctest::Approx(-3.0 / std::sqrt(5.0)));
  CHECK(buffers[0].value.item() == doctest::Approx(0.25 * 4.0));
  CHECK(buffers[1].value.item() == doctest::Approx(0.75 * 1.0 + 0.25 * 20.0 / 3.0));

  norm.set_training(false);
  const float mean = buffers[0].value.item(), variance = buffers[1].value.item();
  const Tensor evaluated = norm(Variable(column({11}))).value();
  CHECK(evaluated.item() == doctest::Approx((11.0f - mean) / std::sqrt(variance)));
  CHECK(buffers[0].value.item() == mean);
}

TEST_CASE("batch norm layer: momentum 1/(k+1) makes a plain average of batches") {
  BatchNorm norm(1, {});
  const auto buffers = norm.buffers();
  const std::vector<float> starts{0.0f, 10.0f, 35.0f};
  for (std::size_t k = 0; k < starts.size(); ++k) {
    norm.set_momentum(1.0f / static_cast<float>(k + 1));
    norm(Variable(column({starts[k], starts[k] + 2.0f})));
  }
  CHECK(buffers[0].value.item() == doctest::Approx(16.0));
  CHECK(buffers[1].value.item() == doctest::Approx(2.0));
}

TEST_CASE("batch norm layer: the activation follows in the same pass") {
  BatchNorm norm(1, {.eps = 0.0f, .activation = Activation::relu});
  const Tensor output = norm(Variable(column({-1, 1}))).value();
  CHECK(output.to_row_major() == std::vector<float>{0.0f, 1.0f});
  CHECK_THROWS_AS(BatchNorm(0, {}), std::invalid_argument);
}

}  // namespace
}  // namespace quench::layers
