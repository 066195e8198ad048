#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/random.h"
#include "core/tensor.h"
#include "layers/batch_norm.h"
#include "layers/quantizable_module.h"
#include "quant/gradient_quantizer.h"
#include "quant/quantizer.h"

namespace quench {

/// A layer with a weight and slots for quantizers, which are empty ("none") until a policy fills
/// them; so one Conv2d serves float and quantized training alike.
///
/// While both slots evaluate on grids, the layer sums products of integer codes and applies the
/// scales after that, (gamma_a gamma_w) (q_w . q_a) + b (Liu & Mattina 2019, eq. 7), with each of
/// the three operations rounded to float32: the order in which an integer engine works. The sums
/// are exact: where the weights at hand could take them past 2^24, which float32 counts up to, they
/// are made of two halves. An activation grid with an offset (LSQ+)
/// adds offset gamma_w (1 . q_w) to the bias, the sum over the taps that lie on the image: padding
/// stays real 0. An input quantizer that scales the output (XNOR-Net) multiplies the scaled sums by
/// input_magnitude(), a constant in the backward pass, before the bias is added.
///
/// Several layers may use one weight. It is then the parameter, and its quantizer the slot, of the first of
/// them; the others have slots for their inputs and biases of their own, or the first one's. In each pass
/// the weight is quantized once for all, and its gradient is the sum of what they give. No batch norm can
/// be folded into such a layer, for each would need another weight.
///
/// With a batch norm folded in, the weight quantizer gets the weight times gain / sigma, and the
/// layer's output is the normalized one; see FoldedBatchNorm.
class QuantizedLayer : public QuantizableModule {
 public:
  QuantizedLayer* as_quantized_layer() final { return this; }

  quant::Quantizer& weight_quantizer() { return *weight_owner().weight_quantizer_; }
  /// @throws std::logic_error  for a layer that uses another's weight
  void set_weight_quantizer(std::unique_ptr<quant::Quantizer> quantizer);
  std::vector<std::pair<std::string, quant::Quantizer*>> quantizers() override;

  /// Of the gradient that arrives at the output; null: it comes through as it is.
  quant::GradientQuantizer* gradient_quantizer() { return gradient_ ? &*gradient_ : nullptr; }
  void set_gradient_quantizer(const quant::GradientQuantizer& quantizer) { gradient_ = quantizer; }
  /// Takes over what `norm`, which reads this layer's output and nothing else does, computes before
  /// its activation. Both must be of one network. Bypassed quantizers undo it while they are so: the
  /// float network has its batch norm.
  void fold(BatchNorm& norm);
  /// Null if none is folded in.
  const FoldedBatchNorm* folded() const { return folded_ ? &*folded_ : nullptr; }
  /// Whether the output is normalized: a batch norm is folded in, and quantizers are not bypassed.
  bool normalizes() const;
  /// The weight as its quantizer gets it, and the bias that goes with it in evaluation: those of
  /// the layer, or with the batch norm that is folded in.
  Variable effective_weight() const;
  Variable effective_bias() const;

  /// Whether each output channel sees one input channel only.
  virtual bool depthwise() const { return false; }
  const Variable& weight() const { return weight_; }
  const Variable& bias() const { return bias_; }  ///< undefined if the layer has none
  /// Bytes of the weight at its quantizer's bits, or in fp32 without one; 0 for another layer's weight.
  double weight_bytes() const;

  /// Whether the weight is this layer's parameter, not another's, and whether it is used by several layers.
  bool owns_weight() const { return owner_ == nullptr; }
  bool shares_weight() const { return shared_ || !owns_weight(); }
  /// The layer whose parameter the weight is.
  QuantizedLayer& weight_owner() { return owns_weight() ? *this : *owner_; }

  /// Whose parameter the bias of a layer with another's weight is.
  enum class Bias : std::uint8_t { none, own, shared };

 protected:
  /// `weight` is already initialized; a zero bias of [weight.dim(0)] is added if wanted.
  QuantizedLayer(Tensor weight, bool with_bias);
  /// Uses the weight of `other`, which runs before it in the same network and outlives it.
  /// @throws std::invalid_argument  for a weight of another shape, or a bias to share that is not there
  QuantizedLayer(QuantizedLayer& other, const Shape& weight, Bias bias);

  Variable forward(const Variable& input) final;
  /// The layer's linear function: `bias` may be undefined.
  virtual Variable apply(const Variable& input, const Variable& weight, const Variable& bias) = 0;
  /// How large the input is under each window of that function, over all channels: [N, 1, OH, OW],
  /// or [N, 1].
  virtual Tensor input_magnitude(const Tensor& input) const = 0;

 private:
  using Codes = quant::Quantizer::Codes;
  bool evaluates_codes();
  Variable forward_values(const Variable& input);
  const Codes& weight_codes();
  Variable forward_codes(const Tensor& input);
  Tensor sums_of(const Codes& input);
  Variable quantized_weight();
  Variable forward_folded(const Variable& quantized);

  QuantizedLayer* owner_ = nullptr;  // null: the weight is its own
  bool shared_ = false;              // by layers that have it from here
  Variable weight_;
  Variable bias_;
  Variable quantized_;  // of the pass at hand, for those layers
  std::unique_ptr<quant::Quantizer> weight_quantizer_;
  std::optional<quant::GradientQuantizer> gradient_;
  std::optional<FoldedBatchNorm> folded_;
  // Kept from one evaluated batch to the next: the weight stands still, and re-laying it for the
  // kernel costs as much as the codes.
  std::optional<Codes> weight_codes_;
  double weight_reach_ = 0.0;        // the largest sum of |code| of an output channel
  std::uint64_t codes_version_ = 0;  // of what weight_codes_ was made from
};

/// The weight. @throws std::invalid_argument  if it has another shape
Tensor with_shape(const Shape& shape, Tensor weight);

/// A weight [O, I/groups, KH, KW] or [O, I], uniform in +-sqrt(6 / (fan_in + fan_out)) with
/// fan_in = I/groups*KH*KW and fan_out = O*KH*KW (Glorot & Bengio 2010, eq. 16). Values are drawn
/// in row-major order.
Tensor glorot_uniform(const Shape& shape, Random& random);

}  // namespace quench
