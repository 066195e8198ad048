#include <limits>
#include <stdexcept>

#include "autograd/gradient_check.h"
#include "autograd/loss.h"

using namespace quench;
using namespace quench::testing;

namespace {

const Tensor kLogits = random_tensor({5, 4}, 1, 2.0f);
const Tensor kTeacher = random_tensor({5, 4}, 2, 2.0f);

double value_of(const Variable& loss) { return static_cast<double>(loss.value().item()); }

}  // namespace

TEST_CASE("distillation losses: backward is the derivative") {
  check_gradients([&](const auto& in) { return distillation_rmse(in[0], kTeacher); }, {kLogits},
                  1e-2, 5e-5);
  check_gradients([&](const auto& in) { return distillation_smooth_l1(in[0], kTeacher, 0.1f); },
                  {kLogits}, 1e-2, 2e-4);
  for (const float temperature : {0.7f, 4.0f}) {
    check_gradients([&](const auto& in) { return distillation_kl(in[0], kTeacher, temperature); },
                    {kLogits}, 1e-2, 5e-5);
  }
}

TEST_CASE("distillation_rmse, smooth_l1: by hand") {
  const Tensor teacher = Tensor::from_row_major<float>({2, 2}, {1, 2, 3, 4});
  const Variable logits(Tensor::from_row_major<float>({2, 2}, {4, 2, 3, 8}), true);
  // Differences 3, 0, 0 and 4: the root of 25 / 2, and 7 / 2 except for the rounding at 0.
  const Variable loss = distillation_rmse(logits, teacher);
  CHECK(value_of(loss) == doctest::Approx(std::sqrt(12.5)));
  loss.backward();
  CHECK(logits.grad().data()[0] == doctest::Approx(1.5 / std::sqrt(12.5)));
  CHECK(logits.grad().data()[1] == 0.0f);
  CHECK(value_of(distillation_smooth_l1(logits, teacher, 1e-8f)) ==
        doctest::Approx((7.0 + 2e-4) / 2).epsilon(1e-6));
}

TEST_CASE("distillation_kl: the definition in double, T^2 times the divergence of the softmax") {
  const double temperature = 3.0;
  double expected = 0.0;
  for (std::int64_t n = 0; n < 5; ++n) {
    const float *z = kLogits.data() + 4 * n, *t = kTeacher.data() + 4 * n;
    double z_sum = 0.0, t_sum = 0.0;
    for (int c = 0; c < 4; ++c) {
      z_sum += std::exp(z[c] / temperature);
      t_sum += std::exp(t[c] / temperature);
    }
    for (int c = 0; c < 4; ++c) {
      const double p = std::exp(t[c] / temperature) / t_sum;
      expected += p * (std::log(p) - z[c] / temperature + std::log(z_sum)) / 5.0;
    }
  }
  CHECK(value_of(distillation_kl(Variable(kLogits), kTeacher, 3.0f)) ==
        doctest::Approx(9.0 * expected).epsilon(1e-5));
  CHECK(value_of(distillation_kl(Variable(kTeacher), kTeacher, 3.0f)) == 0.0);
}

TEST_CASE("distillation_kl: a class with teacher probability 0 costs nothing") {
  const float minus_infinity = -std::numeric_limits<float>::infinity();
  const Tensor teacher = Tensor::from_row_major<float>({1, 2}, {0.0f, minus_infinity});
  const Variable logits(Tensor::zeros({1, 2}), true);
  const Variable loss = distillation_kl(logits, teacher, 1.0f);
  CHECK(value_of(loss) == doctest::Approx(std::log(2.0)));
  loss.backward();
  CHECK(logits.grad().data()[1] == doctest::Approx(0.5));
}

TEST_CASE("distillation losses: invalid shapes, temperature and eps are rejected") {
  const Variable logits(kLogits);
  CHECK_THROWS_WITH_AS(distillation_rmse(logits, Tensor::zeros({5, 3})),
                       "distillation_rmse: expected teacher logits [5, 4], got [5, 3]",
                       std::invalid_argument);
  CHECK_THROWS_AS(distillation_smooth_l1(logits, Tensor::zeros({4, 4})), std::invalid_argument);
  CHECK_THROWS_AS(distillation_kl(Variable(Tensor::zeros({4})), Tensor::zeros({4}), 1.0f),
                  std::invalid_argument);
  CHECK_THROWS_AS(distillation_smooth_l1(logits, kTeacher, 0.0f), std::invalid_argument);
  CHECK_THROWS_WITH_AS(distillation_kl(logits, kTeacher, 0.0f),
                       "distillation_kl: expected a finite temperature > 0, got 0",
                       std::invalid_argument);
}
