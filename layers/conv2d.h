#pragma once

#include <memory>

#include "core/ops/conv2d.h"
#include "core/random.h"
#include "layers/quantized_layer.h"

namespace quench::layers {

/// Sizes of a Conv2d; in_channels and out_channels are required.
struct Conv2dOptions {
  std::int64_t in_channels = 0;
  std::int64_t out_channels = 0;
  std::array<int, 2> kernel_size{3, 3};
  Conv2dParams params;  ///< stride, padding, dilation, groups
  bool bias = false;
};

/// Convolution of [N, C, H, W] with a weight [O, I/groups, KH, KW], initialized Glorot-uniform.
class Conv2d final : public QuantizedLayer {
 public:
  using Options = Conv2dOptions;
  /// @throws std::invalid_argument  for sizes < 1 or channels that are not divisible by the groups
  Conv2d(const Conv2dOptions& options, Random& random);
  /// Uses the given weight. @throws std::invalid_argument  also for a weight of another shape
  Conv2d(const Conv2dOptions& options, Tensor weight);
  /// Shares the weight of `other`, see QuantizedLayer; stride, padding and dilation may differ.
  /// `bias` takes precedence over `options`.
  Conv2d(const Conv2dOptions& options, QuantizedLayer& other, Bias bias);
  bool depthwise() const override;
  const Conv2dOptions& options() const { return options_; }
  Layer as_layer() override { return this; }

 protected:
  Variable apply(const Variable& input, const Variable& weight, const Variable& bias) override;
  Variable apply(const Variable& input, const Variable& weight, const Variable& bias,
                 ProductOperands operands) override;
  kernels::ConvProblem problem(const Shape& input) const override;
  Tensor input_magnitude(const Tensor& input) const override;

 private:
  Conv2dOptions options_;
  std::shared_ptr<PreparedConv2d> prepared_;
};

}  // namespace quench::layers
