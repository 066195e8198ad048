#pragma once

#include <cstdint>
#include <string_view>

#include "core/ops/activation.h"
#include "core/tensor.h"

namespace quench {

/// An element-wise function of ONNX that core/ops/activation.h does not cover:
///
///   leaky_relu    x for x > 0, else alpha x
///   elu           gamma times x for x > 0, else gamma alpha (exp(x) - 1)
///                                              (Clevert et al. 2016, arXiv:1511.07289; with gamma:
///                                              SELU, Klambauer et al. 2017, arXiv:1706.02515)
///   hard_sigmoid  clamp(alpha x + beta) to [0, 1]
///   hard_swish    x clamp(x / 6 + 1/2) to [0, 1]           (Howard et al. 2019, arXiv:1905.02244)
///   sigmoid       1 / (1 + exp(-x))
///   tanh
///   softplus      log(1 + exp(x))
///   mish          x tanh(softplus(x))                      (Misra 2019, arXiv:1908.08681)
///   gelu          x / 2 (1 + erf(x / sqrt(2)))             (Hendrycks & Gimpel 2016, arXiv:1606.08415)
///   gelu_tanh     x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), which approximates it
///   erf, exp, sqrt, floor
///   clip          clamp(x) to [low, high]; either bound may be missing
///
/// Each operation is rounded to f32 in the order written here. NaN stays NaN.
class Pointwise {
 public:
  enum class Kind : std::uint8_t {
    leaky_relu,
    elu,
    hard_sigmoid,
    hard_swish,
    sigmoid,
    tanh,
    softplus,
    mish,
    gelu,
    gelu_tanh,
    erf,
    exp,
    sqrt,
    floor,
    clip
  };

  /// A function without parameters.
  /// @throws std::invalid_argument  for leaky_relu, elu, hard_sigmoid or clip
  explicit Pointwise(Kind kind);

  /// @throws std::invalid_argument  for a parameter that is not finite
  static Pointwise leaky_relu(float alpha = 0.01f);
  static Pointwise elu(float alpha = 1.0f, float gamma = 1.0f);
  static Pointwise hard_sigmoid(float alpha = 0.2f, float beta = 0.5f);
  /// @param low, high  ActivationRange::kUnbounded for no bound
  /// @throws std::invalid_argument  for an infinite bound or low > high
  static Pointwise clip(float low, float high);

  Kind kind() const { return kind_; }
  float first() const { return first_; }    ///< alpha, or low; 0 if the kind has none
  float second() const { return second_; }  ///< beta, gamma or high; 0 if the kind has none

  float operator()(float x) const;
  /// df/dx. At a kink, the slope of the flat side; for leaky_relu and elu, that of x < 0. floor has
  /// slope 0 everywhere.
  float slope(float x) const;

  /// Missing bounds compare equal.
  bool operator==(const Pointwise& other) const;

 private:
  Pointwise(Kind kind, float first, float second) : kind_(kind), first_(first), second_(second) {}

  Kind kind_;
  float first_ = 0.0f, second_ = 0.0f;
};

/// The name: "leaky_relu", "elu" and so on.
std::string_view to_string(Pointwise::Kind kind);

/// out[i] = f(x[i]).
Tensor apply(const Pointwise& function, const Tensor& x);
/// dL/dx[i] = dL/dy[i] f'(x[i]). @throws std::invalid_argument  if the shapes differ
Tensor apply_backward(const Tensor& grad_output, const Tensor& x, const Pointwise& function);

}  // namespace quench
