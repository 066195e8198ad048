#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

#include "layers/loss.h"

namespace quench::layers {
namespace {

double value(const DistillationLossOptions& options) {
  const Variable logits(Tensor::from_row_major<float>({1, 2}, std::vector<float>{3, 0}));
  const Tensor teacher = Tensor::from_row_major<float>({1, 2}, std::vector<float>{0, 4});
  return make_distillation_loss(options)(logits, teacher).value().item();
}

TEST_CASE("distillation losses by name") {
  CHECK(value({.name = "rmse"}) == doctest::Approx(5.0));
  CHECK(value({.name = "smooth_l1"}) == doctest::Approx(7.0).epsilon(1e-5));
  // At T = 2 the teacher gives its second class the probability p, the network gives it q.
  const double p = 1.0 / (1.0 + std::exp(-2.0)), q = 1.0 / (1.0 + std::exp(1.5));
  const double divergence = p * std::log(p / q) + (1.0 - p) * std::log((1.0 - p) / (1.0 - q));
  CHECK(value({.name = "kl", .temperature = 2.0f}) == doctest::Approx(4.0 * divergence));
}

TEST_CASE("distillation losses: unknown names list the known ones, a temperature is above 0") {
  CHECK_THROWS_WITH_AS(make_distillation_loss({.name = "rsme"}),
                       doctest::Contains("did you mean 'rmse'?"), std::invalid_argument);
  for (const std::string& name : known_distillation_losses()) {
    CAPTURE(name);
    CHECK_THROWS_AS(make_distillation_loss({.name = name, .temperature = 0.0f}),
                    std::invalid_argument);
  }
}

}  // namespace
}  // namespace quench::layers
