#include "core/ops/softmax.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "core/random.h"

using namespace quench;

TEST_CASE("softmax: agrees with the definition in double, also for huge logits") {
  for (const float scale : {1.0f, 50.0f}) {
    Tensor x({5, 13});
    Random random(1, "test");
    for (float& value : x.span()) value = scale * random.normal() + 1000.0f;
    const Tensor p = softmax(x), log_p = log_softmax(x);
    for (std::int64_t row = 0; row < 5; ++row) {
      const float* in = x.data() + row * 13;
      double sum = 0.0;
      for (int c = 0; c < 13; ++c) sum += std::exp(static_cast<double>(in[c]) - in[0]);
      for (int c = 0; c < 13; ++c) {
        const double expected = static_cast<double>(in[c]) - in[0] - std::log(sum);
        CHECK(log_p.data()[row * 13 + c] == doctest::Approx(expected).epsilon(1e-6));
        CHECK(p.data()[row * 13 + c] == doctest::Approx(std::exp(expected)).epsilon(1e-6));
      }
    }
  }
}

TEST_CASE("log_softmax: finite where the probability underflows") {
  const Tensor x = Tensor::from_row_major<float>({1, 2}, {0.0f, 500.0f});
  CHECK(softmax(x).data()[0] == 0.0f);
  CHECK(log_softmax(x).data()[0] == -500.0f);
}

TEST_CASE("softmax: a NaN spoils its row and no other, at any position") {
  for (std::int64_t at = 0; at < 3; ++at) {
    Tensor x = Tensor::full({2, 3}, 1.0f);
    x.data()[at] = std::numeric_limits<float>::quiet_NaN();
    const Tensor p = softmax(x), log_p = log_softmax(x);
    for (std::int64_t i = 0; i < 6; ++i) {
      CHECK(std::isnan(p.data()[i]) == (i < 3));
      CHECK(std::isnan(log_p.data()[i]) == (i < 3));
    }
  }
}

TEST_CASE("softmax: another rank is an error") {
  CHECK_THROWS_WITH_AS(softmax(Tensor::zeros({3})), "softmax: expected input [N, C], got [3]",
                       std::invalid_argument);
}
