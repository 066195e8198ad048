#pragma once

#include "core/ops/activation.h"
#include "core/ops/pointwise.h"
#include "core/random.h"
#include "layers/module.h"
#include "layers/quantizable_module.h"

namespace quench::layers {

/// relu, relu6 or hardtanh as a separate layer, where no batch norm precedes it.
class ActivationLayer final : public Module {
 public:
  explicit ActivationLayer(Activation activation) : activation_(activation) {}
  Activation activation() const { return activation_; }
  void set_activation(Activation activation) { activation_ = activation; }
  /// The identity does not appear in the graph.
  ValueId lower(Graph& graph, std::vector<ValueId> inputs) override;
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;

 private:
  Activation activation_;
};

/// A function of core/ops/pointwise.h as a layer: leaky_relu, hard_swish, sigmoid, gelu and others.
///
/// Its input has a slot for a quantizer. In evaluation the output depends on the input's code
/// alone: f(scale float(q - z) + offset), each operation rounded to float32, so an integer engine
/// can use a lookup table. relu, relu6 and hardtanh need no table: see ActivationLayer.
class PointwiseFunction final : public QuantizableModule {
 public:
  explicit PointwiseFunction(const Pointwise& function) : function_(function) {}
  const Pointwise& function() const { return function_; }
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;

 private:
  Pointwise function_;
};

/// x for x > 0, else slope[c] x of [N, C] or [N, C, H, W], with a trained slope per channel (He et al.
/// 2015, arXiv:1502.01852).
///
/// Its input has a slot for a quantizer, like a PointwiseFunction's. In evaluation the output
/// depends on code and channel alone.
class PRelu final : public QuantizableModule {
 public:
  /// @param slope  [C], or [1] for all channels
  /// @throws std::invalid_argument  for another shape
  explicit PRelu(const Tensor& slope);
  const Variable& slope() const { return slope_; }
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;

 private:
  Variable& slope_;
};

/// In training, sets each element to 0 with the given probability and scales the rest by 1/(1-p)
/// (Srivastava et al. 2014). In evaluation, the identity.
class Dropout final : public Module {
 public:
  /// @throws std::invalid_argument  unless 0 <= probability < 1
  Dropout(float probability, Random random);

  /// Evaluation skips it.
  ValueId lower(Graph& graph, std::vector<ValueId> inputs) override;

 protected:
  Variable forward(const Variable& input) override;

 private:
  float probability_;
  Random random_;
  Tensor& position_;  // in the random stream; a buffer, so a resumed run draws the same masks
};

}  // namespace quench::layers
