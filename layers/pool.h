#pragma once

#include "core/ops/window.h"
#include "layers/quantizable_module.h"

namespace quench::layers {

/// max_pool2d() of core/ops/pool.h as a layer: [N, C, H, W] to [N, C, OH, OW].
class MaxPool2d final : public Module {
 public:
  using Options = Window2d;
  explicit MaxPool2d(const Window2d& window) : window_(window) {}
  const Window2d& window() const { return window_; }
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;

 private:
  Window2d window_;
};

/// avg_pool2d() of core/ops/pool.h as a layer: the mean over pixels of the image, without padding.
///
/// Its input has a slot for a quantizer. Evaluation matches an integer engine: the sum of the codes
/// q - z, exact below 2^24, divided by the count and multiplied by the scale, each of the two
/// operations rounded to float32.
class AveragePool2d final : public QuantizableModule {
 public:
  using Options = Window2d;
  explicit AveragePool2d(const Window2d& window) : window_(window) {}
  const Window2d& window() const { return window_; }
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;

 private:
  Window2d window_;
};

/// AveragePool2d over the whole image: [N, C, H, W] to [N, C].
class GlobalAveragePool final : public QuantizableModule {
 public:
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;
};

}  // namespace quench::layers
