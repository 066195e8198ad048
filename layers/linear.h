#pragma once

#include "core/random.h"
#include "layers/quantized_layer.h"

namespace quench {

/// Sizes of a Linear; in_features and out_features have to be given.
struct LinearOptions {
  std::int64_t in_features = 0;
  std::int64_t out_features = 0;
  bool bias = false;
};

/// input [N, I] times the transpose of a weight [O, I]; Glorot-uniform at the start.
class Linear final : public QuantizedLayer {
 public:
  /// @throws std::invalid_argument  for sizes < 1
  Linear(const LinearOptions& options, Random& random);
  /// With that weight. @throws std::invalid_argument  for another shape too
  Linear(const LinearOptions& options, Tensor weight);
  /// With the weight of `other`, see QuantizedLayer. `bias` decides, not `options`.
  Linear(const LinearOptions& options, QuantizedLayer& other, Bias bias);
  Layer as_layer() override { return this; }

 protected:
  Variable apply(const Variable& input, const Variable& weight, const Variable& bias) override;
  Tensor input_magnitude(const Tensor& input) const override;
};

}  // namespace quench
