#include "core/ops/gemm.h"

#include <doctest/doctest.h>

#include <cmath>
#include <initializer_list>
#include <limits>
#include <vector>

#include "core/parallel.h"
#include "core/random.h"

using namespace quench;

namespace {

Tensor random_matrix(std::int64_t rows, std::int64_t columns, std::string_view stream) {
  Random random(3, stream);
  Tensor matrix({rows, columns});
  for (float& value : matrix.span()) value = random.uniform(-1.0f, 1.0f);
  return matrix;
}

struct Sizes {
  std::int64_t m, n, k;
};

void check_products(std::initializer_list<Sizes> products) {
  for (const auto& [m, n, k] : products) {
    for (const bool transpose_a : {false, true}) {
      for (const bool transpose_b : {false, true}) {
        CAPTURE(m);
        CAPTURE(transpose_a);
        CAPTURE(transpose_b);
        const Tensor a = transpose_a ? random_matrix(k, m, "a") : random_matrix(m, k, "a");
        const Tensor b = transpose_b ? random_matrix(n, k, "b") : random_matrix(k, n, "b");
        const Tensor c = matmul(a, transpose_a, b, transpose_b);
        REQUIRE(c.shape() == Shape{m, n});
        double worst = 0.0;
        for (std::int64_t i = 0; i < m; ++i) {
          for (std::int64_t j = 0; j < n; ++j) {
            double sum = 0.0, magnitude = 0.0;
            for (std::int64_t l = 0; l < k; ++l) {
              const double product = double{a.data()[transpose_a ? l * m + i : i * k + l]} *
                                     b.data()[transpose_b ? j * k + l : l * n + j];
              sum += product;
              magnitude += std::abs(product);
            }
            const double bound = 8.0 * std::numeric_limits<float>::epsilon() * magnitude;
            worst = std::max(worst, std::abs(c.data()[i * n + j] - sum) / bound);
          }
        }
        CHECK(worst <= 1.0);
      }
    }
  }
}

}  // namespace

TEST_CASE("matmul: agrees with double precision in all four combinations of transposes") {
  check_products({{1, 1, 1}, {3, 5, 7}, {17, 33, 129}, {1, 40, 64}, {50, 1, 9}, {64, 48, 300}});
}

TEST_CASE("matmul in fixed order: right, and the same bits for any number of threads") {
  const FixedOrderScope scope;
  const int before = num_threads();
  check_products({{1, 1, 1}, {17, 33, 129}, {130, 70, 300}, {60, 190, 500}});
  for (const auto& [m, n, k] :
       {Sizes{32, 10, 64}, {32, 500, 640}, {512, 256, 32}, {64, 64, 16384}, {7, 300, 4000}}) {
    CAPTURE(m);
    const Tensor a = random_matrix(m, k, "a"), b = random_matrix(n, k, "b");
    std::vector<float> first;
    for (const int threads : {1, 2, 3, 7}) {
      CAPTURE(threads);
      set_num_threads(threads);
      const std::vector<float> c = matmul(a, false, b, true).to_row_major<float>();
      if (first.empty()) first = c;
      CHECK(c == first);
    }
    set_num_threads(before);
  }
}

TEST_CASE("matmul: the same operands give the same bits") {
  const Tensor a = random_matrix(64, 256, "a"), b = random_matrix(100, 256, "b");
  const Tensor first = matmul(a, false, b, true);
  for (int repeat = 0; repeat < 3; ++repeat) {
    CHECK(matmul(a, false, b, true).to_row_major<float>() == first.to_row_major<float>());
  }
}

TEST_CASE("matmul: messages name the shapes that do not fit") {
  CHECK_THROWS_WITH_AS(matmul(Tensor({2, 3}), false, Tensor({4, 5}), false),
                       "matmul: expected equal inner sizes, got 3 and 4 (a [2, 3], b [4, 5])",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      matmul(Tensor({2, 3}), true, Tensor({4, 5}), true),
      "matmul: expected equal inner sizes, got 2 and 5 (a [2, 3] transposed, b [4, 5] transposed)",
      std::invalid_argument);
  CHECK_THROWS_WITH_AS(matmul(Tensor({2, 3, 4}), false, Tensor({4, 5}), false),
                       "matmul: expected an f32 or bf16 matrix as a, got f32 [2, 3, 4]",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(matmul(Tensor({0, 3}), false, Tensor({3, 5}), false),
                       "matmul: expected a matrix without empty axes as a, got [0, 3]",
                       std::invalid_argument);
}
