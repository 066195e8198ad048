#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

#include "autograd/activation.h"
#include "autograd/gradient_check.h"

namespace quench {

TEST_CASE("dropout: the given share becomes 0, the rest is scaled up to keep the mean") {
  Random random(1, "dropout");
  const Tensor y = dropout(Variable(Tensor::full({100000}, 2.0f)), 0.25f, random).value();
  int dropped = 0;
  bool scaled = true;
  for (const float value : y.span()) {
    dropped += value == 0.0f ? 1 : 0;
    scaled = scaled && (value == 0.0f || value == 2.0f * (1.0f / 0.75f));
  }
  CHECK(scaled);
  CHECK(std::abs(dropped - 25000) < 685);  // 5 standard deviations
  CHECK(random.position() == 100000);
}

TEST_CASE("dropout: the gradient uses the same mask, and the next call another one") {
  const Random start(2, "dropout");
  testing::check_gradients(
      [&start](const auto& v) {
        Random random = start;  // the check calls it many times
        return dropout(v[0], 0.5f, random);
      },
      {testing::random_tensor({7, 9}, 3)}, 0.5, 1e-5);
  Random random = start;
  const Variable ones(Tensor::full({64}, 1.0f));
  const std::vector<float> first = dropout(ones, 0.5f, random).value().to_row_major();
  CHECK(dropout(ones, 0.5f, random).value().to_row_major() != first);
}

TEST_CASE("dropout: probability 0 changes nothing, 1 is refused") {
  Random random(4, "dropout");
  const Tensor x = testing::random_tensor({50}, 5);
  CHECK(dropout(Variable(x), 0.0f, random).value().to_row_major() == x.to_row_major());
  CHECK_THROWS_AS(dropout(Variable(x), 1.0f, random), std::invalid_argument);
  CHECK_THROWS_AS(dropout(Variable(x), -0.1f, random), std::invalid_argument);
}

}  // namespace quench
