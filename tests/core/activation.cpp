#include "core/ops/activation.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

using namespace quench;

TEST_CASE("activate: clamps to the interval of each activation") {
  const Tensor x =
      Tensor::from_row_major<float>({7}, {-7.0f, -1.0f, -0.5f, 0.0f, 0.5f, 6.0f, 9.0f});
  using Values = std::vector<float>;
  CHECK(activate(x, Activation::relu).to_row_major() == Values{0, 0, 0, 0, 0.5f, 6, 9});
  CHECK(activate(x, Activation::relu6).to_row_major() == Values{0, 0, 0, 0, 0.5f, 6, 6});
  CHECK(activate(x, Activation::hardtanh).to_row_major() == Values{-1, -1, -0.5f, 0, 0.5f, 1, 1});
  CHECK(activate(x, Activation::none).shares_storage_with(x));
}

TEST_CASE("activate: the gradient passes strictly inside the interval") {
  const Tensor y = Tensor::from_row_major<float>({6}, {-1.0f, -0.5f, 0.0f, 0.5f, 1.0f, 6.0f});
  const Tensor g = Tensor::full({6}, 2.0f);
  using Values = std::vector<float>;
  CHECK(activate_backward(g, y, Activation::none).to_row_major() == Values{2, 2, 2, 2, 2, 2});
  CHECK(activate_backward(g, y, Activation::relu).to_row_major() == Values{0, 0, 0, 2, 2, 2});
  CHECK(activate_backward(g, y, Activation::relu6).to_row_major() == Values{0, 0, 0, 2, 2, 0});
  CHECK(activate_backward(g, y, Activation::hardtanh).to_row_major() == Values{0, 2, 2, 2, 0, 0});
}

TEST_CASE("activate: NaN stays NaN and lets its gradient through; infinities clamp") {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  constexpr float kInf = std::numeric_limits<float>::infinity();
  for (const Activation a : {Activation::relu, Activation::relu6, Activation::hardtanh}) {
    CAPTURE(to_string(a));
    for (const std::int64_t size : {1, 7, 16, 37}) {  // scalar and vector code
      const Tensor y = activate(Tensor::full({size}, kNan), a);
      const Tensor grad = activate_backward(Tensor::full({size}, 3.0f), y, a);
      for (std::int64_t i = 0; i < size; ++i) {
        CHECK(std::isnan(y.data()[i]));
        CHECK(grad.data()[i] == 3.0f);
      }
    }
  }
  CHECK(activate(Tensor::scalar(kInf), Activation::relu).item() == kInf);
  CHECK(activate(Tensor::scalar(kInf), Activation::relu6).item() == 6.0f);
  CHECK(activate(Tensor::scalar(-kInf), Activation::hardtanh).item() == -1.0f);
}

TEST_CASE("parse_activation: knows every name it prints and lists them for one it does not") {
  for (const Activation a :
       {Activation::none, Activation::relu, Activation::relu6, Activation::hardtanh}) {
    CHECK(parse_activation(to_string(a)) == a);
  }
  CHECK_THROWS_WITH_AS(parse_activation("relu7"),
                       "activation: expected one of none, relu, relu6, hardtanh, got \"relu7\"",
                       std::invalid_argument);
}
