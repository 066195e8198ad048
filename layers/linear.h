#pragma once

#include "core/random.h"
#include "layers/quantized_layer.h"

namespace quench::layers {

/// Sizes of a Linear; in_features and out_features are required.
struct LinearOptions {
  std::int64_t in_features = 0;
  std::int64_t out_features = 0;
  bool bias = false;
};

/// Input [N, I] times the transpose of a weight [O, I], initialized Glorot-uniform.
class Linear final : public QuantizedLayer {
 public:
  using Options = LinearOptions;
  /// @throws std::invalid_argument  for sizes < 1
  Linear(const LinearOptions& options, Random& random);
  /// Uses the given weight. @throws std::invalid_argument  also for a weight of another shape
  Linear(const LinearOptions& options, Tensor weight);
  /// Shares the weight of `other`, see QuantizedLayer. `bias` takes precedence over `options`.
  Linear(const LinearOptions& options, QuantizedLayer& other, Bias bias);
  Layer as_layer() override { return this; }

 protected:
  Variable apply(const Variable& input, const Variable& weight, const Variable& bias) override;
  Variable apply(const Variable& input, const Variable& weight, const Variable& bias,
                 ProductOperands operands) override;
  kernels::ConvProblem problem(const Shape& input) const override;
  Tensor input_magnitude(const Tensor& input) const override;
};

}  // namespace quench::layers
