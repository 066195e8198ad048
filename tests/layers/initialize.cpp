#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

#include "core/ops/reduce.h"
#include "core/parallel.h"
#include "layers/quantized_layer.h"
#include "layers/reference.h"

namespace quench::layers {
namespace {

double variance(const Tensor& x) {
  double squares = 0.0;
  for (const float v : x.span()) squares += double{v} * v;
  return squares / static_cast<double>(x.numel());
}

TEST_CASE("glorot_uniform: within its bound, with its variance of bound^2 / 3") {
  Random random(1, "test");
  const Tensor weight = glorot_uniform({64, 32, 3, 3}, random);
  const double bound = std::sqrt(6.0 / (9.0 * (64 + 32)));
  CHECK(max_abs(weight) <= static_cast<float>(bound));
  CHECK(max_abs(weight) > 0.99 * bound);
  CHECK(mean(weight) == doctest::Approx(0.0).scale(1.0).epsilon(0.005 * bound * 3));
  CHECK(variance(weight) == doctest::Approx(bound * bound / 3).epsilon(0.03));
  CHECK(max_abs(glorot_uniform({100, 50}, random)) == doctest::Approx(0.2).epsilon(0.01));
}

TEST_CASE("initialization draws in row-major order of the logical shape") {
  Random random(3, "test"), again(3, "test");
  const auto weight = glorot_uniform({2, 3, 2, 2}, random).to_row_major();
  const auto limit = static_cast<float>(std::sqrt(6.0 / (4.0 * (2 + 3))));
  for (const float v : weight) CHECK(v == again.uniform(-limit, limit));
}

TEST_CASE("initialization does not depend on the number of threads") {
  const int threads = num_threads();
  Random random(4, "test"), again(4, "test");
  set_num_threads(1);
  const Tensor one = glorot_uniform({64, 64, 3, 3}, random);
  set_num_threads(3);
  const Tensor three = glorot_uniform({64, 64, 3, 3}, again);
  set_num_threads(threads);
  CHECK(testing::same_bits(one, three));
}

TEST_CASE("initialization only accepts weights") {
  Random random(5, "test");
  CHECK_THROWS_AS(glorot_uniform({8}, random), std::invalid_argument);
  CHECK_THROWS_AS(glorot_uniform({8, 8, 8}, random), std::invalid_argument);
}

}  // namespace
}  // namespace quench::layers
