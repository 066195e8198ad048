#pragma once

#include <array>
#include <memory>

#include "core/ops/activation.h"
#include "core/ops/window.h"
#include "core/shape.h"
#include "core/tensor.h"

namespace quench {

namespace onednn {
class Convolution;
}

/// The parameters of a 2-d convolution.
struct Conv2dParams {
  std::array<int, 2> stride{1, 1};  ///< vertical, horizontal; >= 1
  Padding padding{};
  /// Distance between adjacent kernel taps, vertical and horizontal; >= 1, where 1 is dense.
  std::array<int, 2> dilation{1, 1};
  int groups = 1;  ///< >= 1; equal to in_channels for a depthwise convolution

  bool operator==(const Conv2dParams&) const = default;
};

/// [N, O, OH, OW] for input [N, C, H, W] and weight [O, C/groups, KH, KW].
/// @throws std::invalid_argument  if the parameters or shapes do not match, or any size is 0
Shape conv2d_output_shape(const Shape& input, const Shape& weight, const Conv2dParams& params);

/// The gradients of the two operands of a convolution or a matrix product.
struct OperandGradients {
  Tensor input, weight;
};

/// A 2-d convolution (cross-correlation, as everywhere in deep learning) and its two derivatives.
///
/// The two operands of a pass are both f32 or both bf16; sums, bias and results are f32. CPUs without
/// bfloat16 instructions multiply the same values in f32.
///
/// The owner of the weight owns it. It caches what is expensive to derive from shapes, for each
/// combination of shapes, so training, the last partial batch and evaluation may alternate. The
/// weight in the kernel's layout is cached until forward() sees another storage or
/// Tensor::version(). Only one thread may use it at a time. Results depend on operands, shapes and
/// CPU, not on earlier calls; backward_weights() outside a FixedOrderScope (core/parallel.h) also depends
/// on the thread count.
///
/// All throw std::invalid_argument for wrong shapes or types.
class PreparedConv2d {
 public:
  explicit PreparedConv2d(Conv2dParams params);
  ~PreparedConv2d();
  PreparedConv2d(PreparedConv2d&&) noexcept;
  PreparedConv2d& operator=(PreparedConv2d&&) noexcept;

  const Conv2dParams& params() const { return params_; }

  /// @param input   [N, C, H, W]
  /// @param weight  [O, C/groups, KH, KW]
  /// @param bias    [O], or undefined for none
  Tensor forward(const Tensor& input, const Tensor& weight, const Tensor& bias = {});
  /// activation(conv2d + addend) in one pass over the output, for inference.
  /// @param addend  has the output's shape, and the output reuses its memory; undefined for none
  Tensor infer(const Tensor& input, const Tensor& weight, const Tensor& bias, Activation activation,
               Tensor addend = {});
  /// The gradient of the loss with respect to the input.
  Tensor backward_data(const Tensor& grad_output, const Tensor& weight, const Shape& input_shape);
  /// The gradient of the loss with respect to the weight.
  Tensor backward_weights(const Tensor& input, const Tensor& grad_output,
                          const Shape& weight_shape);
  /// Both gradients. A depthwise convolution reads deferred operands by rows.
  OperandGradients backward(const Tensor& input, const Tensor& grad_output, const Tensor& weight);

 private:
  Shape check_forward(const Tensor& input, const Tensor& weight, const Tensor& bias) const;

  Conv2dParams params_;
  std::unique_ptr<onednn::Convolution> convolution_;
};

}  // namespace quench
