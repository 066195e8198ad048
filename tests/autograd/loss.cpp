#include "autograd/loss.h"

#include <limits>

#include "autograd/gradient_check.h"

using namespace quench;
using namespace quench::testing;

namespace {

Tensor labels_of(const std::vector<std::int32_t>& labels) {
  return Tensor::from_row_major<std::int32_t>({static_cast<std::int64_t>(labels.size())}, labels);
}

}  // namespace

TEST_CASE("cross_entropy: agrees with the definition in double, with and without smoothing") {
  const Tensor logits = random_tensor({6, 5}, 1, 3.0f);
  const std::vector<std::int32_t> labels{0, 4, 2, 2, 1, 3};
  for (const float smoothing : {0.0f, 0.1f}) {
    double loss = 0.0;
    std::vector<double> grad;
    for (std::int64_t n = 0; n < 6; ++n) {
      const float* z = logits.data() + n * 5;
      double sum = 0.0;
      for (int c = 0; c < 5; ++c) sum += std::exp(static_cast<double>(z[c]));
      for (int c = 0; c < 5; ++c) {
        const double is_label = c == labels[static_cast<std::size_t>(n)] ? 1.0 : 0.0;
        const double target = (1.0 - static_cast<double>(smoothing)) * is_label + smoothing / 5.0;
        loss -= target * (static_cast<double>(z[c]) - std::log(sum)) / 6.0;
        grad.push_back((std::exp(static_cast<double>(z[c])) / sum - target) / 6.0);
      }
    }
    const Variable z(logits, true);
    const Variable result = cross_entropy(z, labels_of(labels), smoothing);
    CHECK(result.value().item() == doctest::Approx(loss).epsilon(1e-6));
    result.backward();
    for (std::size_t i = 0; i < grad.size(); ++i) {
      CHECK(std::abs(z.grad().span()[i] - grad[i]) < 1e-7);
    }
  }
}

TEST_CASE("cross_entropy: equal logits cost log C, and a class with probability 0 costs nothing") {
  const Variable even(Tensor::zeros({3, 10}));
  CHECK(cross_entropy(even, labels_of({1, 2, 3})).value().item() ==
        doctest::Approx(std::log(10.0)));
  const float minus_infinity = -std::numeric_limits<float>::infinity();
  const Variable one_left(Tensor::from_row_major<float>({1, 2}, {0.0f, minus_infinity}), true);
  const Variable loss = cross_entropy(one_left, labels_of({0}));
  CHECK(loss.value().item() == 0.0f);
  loss.backward();
  CHECK(one_left.grad().data()[0] == 0.0f);
  CHECK(one_left.grad().data()[1] == 0.0f);
}

TEST_CASE("losses: backward is the derivative") {
  const Tensor z = random_tensor({5, 4}, 2);
  const Tensor labels = labels_of({3, 0, 1, 1, 2});
  check_gradients([&](const auto& in) { return cross_entropy(in[0], labels, 0.0f); }, {z}, 1e-2,
                  1e-5);
  check_gradients([&](const auto& in) { return cross_entropy(in[0], labels, 0.2f); }, {z}, 1e-2,
                  1e-5);
  check_gradients([&](const auto& in) { return squared_hinge(in[0], labels); }, {z}, 1e-2, 2e-4);
  const Tensor target = random_tensor({5, 4}, 3);
  check_gradients([&](const auto& in) { return mse(in[0], target); }, {z}, 1e-2, 1e-5);
}

TEST_CASE(
    "squared_hinge: loss and gradient of the published vector (bnn_ste.json, squared_hinge)") {
  const Tensor logits = Tensor::from_row_major<float>(
      {3, 4},
      {-0.824378490447998f, 2.2088353633880615f, 0.1886976808309555f, 1.7966173887252808f,
       0.29948705434799194f, 0.1338118016719818f, -0.204225555062294f, -0.2460596263408661f,
       0.8445104956626892f, -1.3241698741912842f, 0.6376064419746399f, 0.37121284008026123f});
  const Variable z(logits, true);
  const Variable loss = squared_hinge(z, labels_of({2, 0, 2}));
  CHECK(loss.value().item() == doctest::Approx(2.2665375775959813).epsilon(1e-6));
  loss.backward();
  const std::vector<double> expected{0.029270251592000324, 0.5348058938980103,
                                     -0.13521705319484076, 0.4661028981208801,
                                     -0.11675215760866801, 0.18896863361199698,
                                     0.13262907415628433,  0.125656728943189,
                                     0.30741841594378155,  0.0,
                                     -0.06039892633756002, 0.2285354733467102};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK(std::abs(z.grad().span()[i] - expected[i]) < 1e-6);
  }
}

TEST_CASE("lp_loss: summed over channels, averaged over the rest; its gradient") {
  const Tensor target = Tensor::zeros({2, 3});
  const Variable a(Tensor::from_row_major<float>({2, 3}, {1, -2, 0, 3, 0, 0}));
  CHECK(lp_loss(a, target, 2.0f).value().item() == doctest::Approx((1.0 + 4.0 + 9.0) / 2.0));
  CHECK(lp_loss(a, target, 3.0f).value().item() == doctest::Approx((1.0 + 8.0 + 27.0) / 2.0));
  CHECK(lp_loss(Variable(Tensor::full({2, 3, 4, 5}, 2.0f)), Tensor::zeros({2, 3, 4, 5}), 2.0f)
            .value()
            .item() == doctest::Approx(12.0));
  for (const float p : {2.0f, 2.4f}) {
    const Tensor x = Tensor::from_row_major<float>({2, 3}, {1, -2, 0.5, 3, -0.7f, 1.3f});
    check_gradients([&](const auto& in) { return lp_loss(in[0], target, p); }, {x}, 1e-2, 1e-3);
  }
  CHECK_THROWS_AS(lp_loss(a, Tensor::zeros({3, 2}), 2.0f), std::invalid_argument);
}

TEST_CASE("mse: the mean of squared differences, also over many chunks") {
  const Variable a(Tensor::from_row_major<float>({2, 2}, {1, 2, 3, 4}), true);
  const Variable loss = mse(a, Tensor::from_row_major<float>({2, 2}, {1, 0, 3, 0}));
  CHECK(loss.value().item() == 5.0f);
  loss.backward();
  CHECK(a.grad().to_row_major() == std::vector<float>{0, 1, 0, 2});
  CHECK(mse(Variable(Tensor::full({100001}, 0.5f)), Tensor::zeros({100001})).value().item() ==
        0.25f);
}

TEST_CASE("losses: a NaN anywhere makes the loss and its gradient NaN") {
  for (std::int64_t at = 0; at < 6; ++at) {
    Tensor bad = Tensor::full({2, 3}, 0.5f);
    bad.data()[at] = std::numeric_limits<float>::quiet_NaN();
    const Tensor labels = labels_of({1, 2});
    Variable z(bad, true);
    for (const Variable& loss : {cross_entropy(z, labels), cross_entropy(z, labels, 0.1f),
                                 squared_hinge(z, labels), mse(z, Tensor::zeros({2, 3}))}) {
      z.zero_grad();
      CHECK(std::isnan(loss.value().item()));
      loss.backward();
      CHECK(std::isnan(z.grad().data()[at]));
    }
  }
}

TEST_CASE("losses: a label out of range is named with its row") {
  const Variable z(Tensor::zeros({3, 10}));
  CHECK_THROWS_WITH_AS(cross_entropy(z, labels_of({1, 2, 10})),
                       "cross_entropy: expected labels in 0..9, got 10 in row 2",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(squared_hinge(z, labels_of({1, -1, 0})),
                       "squared_hinge: expected labels in 0..9, got -1 in row 1",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(cross_entropy(z, labels_of({1, 2})),
                       "cross_entropy: expected labels s32 [3] for logits [3, 10], got s32 [2]",
                       std::invalid_argument);
  CHECK_THROWS_AS(cross_entropy(z, Tensor::zeros({3})), std::invalid_argument);
  CHECK_THROWS_AS(mse(z, Tensor::zeros({3, 9})), std::invalid_argument);
}
