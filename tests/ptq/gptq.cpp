#include "ptq/reconstruction/gptq.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/parallel.h"
#include "core/random.h"
#include "ptq/reconstruction/input_hessian.h"

namespace quench::ptq {
namespace {

constexpr std::int64_t kColumns = 150,
                       kRows = 19;  // more than a panel and a tile, and not a multiple

/// Products of correlated columns.
SquareMatrix random_hessian(std::int64_t samples) {
  Random random(5, "hessian");
  std::vector<double> x(static_cast<std::size_t>(samples * kColumns));
  double last = 0.0;
  for (double& value : x) value = last = 0.7 * last + double{random.normal()};
  SquareMatrix hessian(kColumns);
  add_products(hessian, x.data(), samples);
  mirror_upper(hessian);
  return hessian;
}

GptqProblem random_problem() {
  Random random(6, "weights");
  GptqProblem problem{.rows = kRows,
                      .scale = std::vector<double>(kRows, 0.3),
                      .range = std::vector<quant::CodeRange>(kRows, {-3.0f, 3.0f})};
  for (std::int64_t i = 0; i < kRows * kColumns; ++i)
    problem.weight.push_back(0.4 * double{random.normal()});
  return problem;
}

TEST_CASE("inverse factor: U^T U times the matrix is the identity") {
  const SquareMatrix h = random_hessian(400), u = inverse_factor(h);
  REQUIRE(u.n == kColumns);
  double largest = 0.0;
  SquareMatrix inverse(kColumns);
  add_products(inverse, u.values.data(), kColumns);
  mirror_upper(inverse);
  for (std::int64_t i = 0; i < kColumns; ++i) {
    for (std::int64_t j = 0; j < i; ++j) CHECK(u.row(i)[j] == 0.0);
    CHECK(u.row(i)[i] > 0.0);
    for (std::int64_t j = 0; j < kColumns; ++j) {
      double product = 0.0;
      for (std::int64_t k = 0; k < kColumns; ++k) product += inverse.row(i)[k] * h.row(k)[j];
      largest = std::max(largest, std::abs(product - (i == j ? 1.0 : 0.0)));
    }
  }
  CHECK(largest < 1e-9);
}

TEST_CASE("inverse factor: none for a matrix that is not positive definite") {
  SquareMatrix h = random_hessian(400);
  h.row(90)[90] = -1.0;
  CHECK(inverse_factor(h).n == 0);
}

TEST_CASE("gptq: every order leaves less output error than nearest codes, and codes on the grid") {
  const SquareMatrix h = random_hessian(400);
  const GptqProblem problem = random_problem();
  const double nearest = output_error(problem, nearest_codes(problem), h);
  for (const char* order : {"index", "activation", "greedy"}) {
    CAPTURE(order);
    const auto result = gptq(problem, h, {.order = order});
    REQUIRE(result);
    CHECK(output_error(problem, result->codes, h) < 0.8 * nearest);
    for (const double code : result->codes) {
      CHECK(code == std::nearbyint(code));
      CHECK(std::abs(code) <= 3.0);
    }
  }
}

TEST_CASE("gptq: fewer images than columns are enough with damping, and too few without") {
  const SquareMatrix h = random_hessian(40);
  CHECK(gptq(random_problem(), h, {.damping = 0.01}));
  CHECK_FALSE(gptq(random_problem(), h, {.damping = -1e-3}));
}

TEST_CASE("gptq: the same bits for any number of threads") {
  const int threads = num_threads();
  std::vector<double> codes, sums;
  Tensor input({3, 12, 9, 9});
  Random(7, "input").fill_uniform(input.span());
  for (const int count : {1, 2, 3, 7}) {
    set_num_threads(count);
    for (const char* order : {"activation", "greedy"}) {
      const auto result = gptq(random_problem(), random_hessian(400), {.order = order});
      codes.insert(codes.end(), result->codes.begin(), result->codes.end());
    }
    for (const int groups : {1, 3}) {
      InputHessian hessian({6, 12 / groups, 3, 3}, {.padding = {1, 1, 1, 1}, .groups = groups});
      hessian.add(input);
      for (const SquareMatrix& m : hessian.matrices())
        sums.insert(sums.end(), m.values.begin(), m.values.end());
    }
  }
  set_num_threads(threads);
  for (std::size_t i = 0; i < codes.size() / 4; ++i)
    for (std::size_t k = 1; k < 4; ++k) REQUIRE(codes[i] == codes[i + k * codes.size() / 4]);
  for (std::size_t i = 0; i < sums.size() / 4; ++i)
    for (std::size_t k = 1; k < 4; ++k) REQUIRE(sums[i] == sums[i + k * sums.size() / 4]);
}

TEST_CASE("input hessian: stride, dilation and padding match a naive sum") {
  Tensor input({2, 4, 7, 6});
  Random(7, "input").fill_uniform(input.span());
  const Conv2dParams params{.stride = {2, 1},
                            .padding = {.top = 1, .left = 2, .bottom = 0, .right = 1},
                            .dilation = {2, 1},
                            .groups = 2};
  const Shape weight{6, 2, 3, 2};
  const Shape output = conv2d_output_shape(input.shape(), weight, params);
  InputHessian hessian(weight, params);
  hessian.add(input);
  const auto matrices = hessian.matrices();
  REQUIRE(matrices.size() == 2);
  const std::vector<float> x = input.to_row_major();
  const auto column = [&](int n, int g, std::int64_t oy, std::int64_t ox, int j) {
    const std::int64_t c = g * 2 + j / 6, y = 2 * oy - 1 + 2 * (j / 2 % 3), xx = ox - 2 + j % 2;
    if (y < 0 || y >= 7 || xx < 0 || xx >= 6) return 0.0;
    return double{x[static_cast<std::size_t>(((n * 4 + c) * 7 + y) * 6 + xx)]};
  };
  for (int g = 0; g < 2; ++g) {
    for (int i = 0; i < 12; ++i) {
      for (int j = 0; j < 12; ++j) {
        double sum = 0.0;
        for (int n = 0; n < 2; ++n)
          for (std::int64_t oy = 0; oy < output[2]; ++oy)
            for (std::int64_t ox = 0; ox < output[3]; ++ox)
              sum += column(n, g, oy, ox, i) * column(n, g, oy, ox, j);
        CHECK(matrices[static_cast<std::size_t>(g)].row(i)[j] == doctest::Approx(sum));
      }
    }
  }
}

}  // namespace
}  // namespace quench::ptq
