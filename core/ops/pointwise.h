#pragma once

#include <cstdint>
#include <string_view>

#include "core/ops/activation.h"
#include "core/tensor.h"

namespace quench {

/// A function of one number, of those that ONNX has beside the activations of core/ops/activation.h:
///
///   leaky_relu    x for x > 0, else alpha x
///   hard_sigmoid  clamp(alpha x + beta) to [0, 1]
///   hard_swish    x clamp(x / 6 + 1/2) to [0, 1]           (Howard et al. 2019, arXiv:1905.02244)
///   sigmoid       1 / (1 + exp(-x))
///   clip          clamp(x) to [low, high], of which either may be missing
///
/// Each operation is rounded to f32 in the order written here. NaN stays NaN.
class Pointwise {
 public:
  enum class Kind : std::uint8_t { leaky_relu, hard_sigmoid, hard_swish, sigmoid, clip };

  /// @throws std::invalid_argument  for a parameter that is not finite
  static Pointwise leaky_relu(float alpha = 0.01f);
  static Pointwise hard_sigmoid(float alpha = 0.2f, float beta = 0.5f);
  static Pointwise hard_swish();
  static Pointwise sigmoid();
  /// @param low, high  ActivationRange::kUnbounded: there is none
  /// @throws std::invalid_argument  for an infinite bound or low > high
  static Pointwise clip(float low, float high);
  /// The one with these numbers, as kind(), first() and second() give them.
  /// @throws std::invalid_argument  as the functions above
  static Pointwise of(Kind kind, float first, float second);

  Kind kind() const { return kind_; }
  float first() const { return first_; }    ///< alpha, or low; 0 if the kind has none
  float second() const { return second_; }  ///< beta, or high; 0 if the kind has none

  float operator()(float x) const;
  /// df/dx. On a kink it is that of the flat side; of leaky_relu alpha.
  float slope(float x) const;

  /// Missing bounds are equal.
  bool operator==(const Pointwise& other) const;

 private:
  Pointwise(Kind kind, float first, float second) : kind_(kind), first_(first), second_(second) {}

  Kind kind_;
  float first_, second_;
};

/// "leaky_relu", "hard_sigmoid", "hard_swish", "sigmoid" or "clip".
std::string_view to_string(Pointwise::Kind kind);
/// @throws std::invalid_argument  for another name; the message lists them
Pointwise::Kind parse_pointwise(std::string_view name);

/// out[i] = f(x[i]).
Tensor apply(const Pointwise& function, const Tensor& x);
/// dL/dx[i] = dL/dy[i] f'(x[i]). @throws std::invalid_argument  if the shapes differ
Tensor apply_backward(const Tensor& grad_output, const Tensor& x, const Pointwise& function);

}  // namespace quench
