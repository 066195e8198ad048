#include "layers/loss.h"

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

namespace quench::layers {
namespace {

const Variable kLogits(Tensor::from_row_major<float>({2, 3},
                                                     std::vector<float>{1, 2, 0, -1, 0, 3}));

Tensor labels(const std::vector<std::int32_t>& values) {
  return Tensor::from_row_major<std::int32_t>({static_cast<std::int64_t>(values.size())}, values);
}

double value(const LossOptions& options) {
  return make_loss(options)(kLogits, labels({1, 2})).value().item();
}

TEST_CASE("losses by name: averaged over the batch") {
  const double first = std::log(std::exp(1.0 - 2.0) + 1.0 + std::exp(-2.0));
  const double second = std::log(std::exp(-4.0) + std::exp(-3.0) + 1.0);
  CHECK(value({.name = "cross_entropy"}) == doctest::Approx((first + second) / 2));
  // Targets (-1, +1, -1) and (-1, -1, +1): margins 2, 0, 1 and 0, 1, 0.
  CHECK(value({.name = "squared_hinge"}) == doctest::Approx((4.0 + 1.0 + 1.0) / 6));
  // Against (0, 1, 0) and (0, 0, 1): 1, 1, 0 and 1, 0, 4.
  CHECK(value({.name = "mse"}) == doctest::Approx(7.0 / 6));
}

TEST_CASE("label smoothing: the target is 1 - s + s / classes, and s / classes elsewhere") {
  const double z0 = std::log(std::exp(1.0) + std::exp(2.0) + 1.0);
  const double z1 = std::log(std::exp(-1.0) + 1.0 + std::exp(3.0));
  const double share = 0.3 / 3;
  const double first = z0 - (share * 1.0 + (0.7 + share) * 2.0);
  const double second = z1 - (share * -1.0 + (0.7 + share) * 3.0);
  CHECK(value({.label_smoothing = 0.3f}) == doctest::Approx((first + second) / 2));
}

TEST_CASE("losses: unknown names, smoothing and labels out of range are rejected") {
  CHECK_THROWS_WITH_AS(make_loss({.name = "mce"}), doctest::Contains("did you mean 'mse'?"),
                       std::invalid_argument);
  CHECK_THROWS_AS(make_loss({.label_smoothing = 1.0f}), std::invalid_argument);
  for (const std::string& name : known_losses()) {
    CAPTURE(name);
    CHECK_THROWS_AS(make_loss({.name = name})(kLogits, labels({0, 3})), std::invalid_argument);
    CHECK_THROWS_AS(make_loss({.name = name})(kLogits, labels({0})), std::invalid_argument);
    CHECK_THROWS_AS(make_loss({.name = name})(kLogits, labels({0, 1, 2})), std::invalid_argument);
  }
}

}  // namespace
}  // namespace quench::layers
