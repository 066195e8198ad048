#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "autograd/product.h"
#include "core/random.h"
#include "core/tensor.h"
#include "kernels/batch_conv.h"
#include "layers/batch_norm.h"
#include "layers/quantizable_module.h"
#include "quant/gradient_quantizer.h"
#include "quant/quantizer.h"

namespace quench::layers {

/// A layer with a weight and slots for quantizers, which are empty ("none") until a policy fills
/// them, so one Conv2d serves both float and quantized training.
///
/// If both slots evaluate on grids, the layer sums products of integer codes and applies the scales
/// afterwards, as an integer engine does: (gamma_a gamma_w) (q_w . q_a) + b (Liu & Mattina 2019,
/// eq. 7), each of the three operations rounded to float32. The sums are exact: if the weights
/// could take them past 2^24, float32's limit for exact integers, they are computed in two halves.
/// An activation grid with an offset (LSQ+) adds offset gamma_w (1 . q_w) to the bias, summed over
/// the taps inside the image: padding stays real 0. Training computes the same forward as soon as
/// its values are on the grids, and keeps the codes for backward instead of values. An input
/// quantizer that scales the output (XNOR-Net) multiplies the scaled sums by input_magnitude(), a
/// constant in the backward pass, before the bias is added.
///
/// Several layers may share one weight. The first of them owns the parameter and its quantizer
/// slot; the others have slots for their inputs and either their own biases or the first one's.
/// Each pass quantizes the weight once for all of them, and their gradients are summed. No batch
/// norm can be folded into such a layer, because each would need a different weight.
///
/// With a folded batch norm, the weight quantizer gets the weight times gain / sigma, and the
/// layer's output is normalized; see FoldedBatchNorm.
class QuantizedLayer : public QuantizableModule {
 public:
  QuantizedLayer* as_quantized_layer() final { return this; }

  quant::Quantizer& weight_quantizer() { return *weight_owner().weight_quantizer_; }
  /// @throws std::logic_error  for a layer that uses another's weight
  void set_weight_quantizer(std::unique_ptr<quant::Quantizer> quantizer);
  std::vector<std::pair<std::string, quant::Quantizer*>> quantizers() override;

  /// The quantizer of the output's gradient; null if it is not quantized.
  quant::GradientQuantizer* gradient_quantizer() { return gradient_ ? &*gradient_ : nullptr; }
  void set_gradient_quantizer(const quant::GradientQuantizer& quantizer) { gradient_ = quantizer; }
  /// Sets the precision of products in training. In bfloat16, a layer with two empty slots rounds its
  /// operands. A layer with two quantizers multiplies codes, which are exact, as long as training's values
  /// are on the grids. All others stay in float32: one slot is empty, the activation grid has an offset, or
  /// the layer is a depthwise convolution, which memory limits. Evaluation does not change.
  void set_precision(Precision precision) { precision_ = precision; }
  /// Whether training's forward pass sums codes with integer kernels where it can; else it multiplies values in
  /// the layer's precision. On by default. Evaluation does not change.
  void set_integer_forward(bool on) { integer_forward_ = on; }
  /// What the last forward pass multiplied with: an integer kernel, e.g. "avx512 vnni", "bfloat16" or "float32".
  std::string_view arithmetic() const { return arithmetic_; }
  /// Whether its slots allow bfloat16: it is not depthwise, and both slots quantize or neither does. A method whose
  /// values are off its grid, or whose grid has an offset, still multiplies in float32.
  bool takes_bfloat16();
  /// Computes `norm` in this layer, without its activation. Only `norm` may read this layer's
  /// output, and both must belong to one network. While quantizers are bypassed, folding is undone:
  /// the float network has its batch norm.
  void fold(BatchNorm& norm);
  /// The folded batch norm, or null.
  const FoldedBatchNorm* folded() const { return folded_ ? &*folded_ : nullptr; }
  /// Whether the output is normalized: a batch norm is folded in, and quantizers are not bypassed.
  bool normalizes() const;
  /// The weight that its quantizer gets and the matching bias in evaluation, including a folded
  /// batch norm.
  Variable effective_weight() const;
  Variable effective_bias() const;

  /// Whether each output channel sees one input channel only.
  virtual bool depthwise() const { return false; }
  const Variable& weight() const { return weight_; }
  const Variable& bias() const { return bias_; }  ///< undefined if the layer has none
  /// Bytes of the weight at its quantizer's bits, or in fp32 without one; 0 if another layer owns
  /// the weight.
  double weight_bytes() const;

  /// Whether the weight is this layer's own parameter; whether several layers use it.
  bool owns_weight() const { return owner_ == nullptr; }
  bool shares_weight() const { return shared_ || !owns_weight(); }
  /// The layer whose parameter the weight is.
  QuantizedLayer& weight_owner() { return owns_weight() ? *this : *owner_; }

  /// Who owns the bias of a layer that shares a weight.
  enum class Bias : std::uint8_t { none, own, shared };

 protected:
  /// `weight` is already initialized; `with_bias` adds a zero bias [weight.dim(0)].
  QuantizedLayer(Tensor weight, bool with_bias);
  /// Uses the weight of `other`, which runs earlier in the same network and outlives it.
  /// @throws std::invalid_argument  for a weight of another shape, or if `other` has no bias to
  ///                                share
  QuantizedLayer(QuantizedLayer& other, const Shape& weight, Bias bias);

  Variable forward(const Variable& input) final;
  /// The layer's linear function: `bias` may be undefined.
  virtual Variable apply(const Variable& input, const Variable& weight, const Variable& bias) = 0;
  /// The same with other operands for a training step.
  virtual Variable apply(const Variable& input, const Variable& weight, const Variable& bias,
                         ProductOperands operands) = 0;
  /// That function as a convolution of codes of an input's shape, without weights.
  virtual kernels::ConvProblem problem(const Shape& input) const = 0;
  /// The magnitude of the input under each window of that function, over all channels: [N, 1, OH,
  /// OW], or [N, 1].
  virtual Tensor input_magnitude(const Tensor& input) const = 0;

 private:
  using Codes = quant::Quantizer::Codes;
  /// The integers of a weight that training quantized.
  struct WeightCodes {
    std::vector<std::int16_t> integers;
    quant::QuantGrid grid;
    std::int64_t reach;  ///< the largest sum of |integer| of an output channel
    bool kernel;         ///< whether an integer kernel multiplies them
  };
  bool evaluates_codes();
  Variable forward_values(const Variable& input);
  Variable product(const Variable& input, const Variable& weight, const Variable& bias);
  Variable product_of(const Variable& input, const Variable& values, const Variable& weight,
                      const Variable& bias, std::optional<WeightCodes> codes);
  bool wants_bfloat16();
  std::optional<WeightCodes> codes_of(const Variable& weight, const Shape& input);
  std::optional<ProductOperands> operands_of(const Variable& input, const Variable& values,
                                             const Variable& weight,
                                             std::optional<WeightCodes> codes);
  void add_kernel(ProductOperands& operands, const quant::QuantGrid& of_input, WeightCodes codes,
                  const Shape& input);
  const Codes& weight_codes();
  Variable forward_codes(const Tensor& input);
  Tensor scaled_sums(const Codes& input, std::span<const float> scale);
  const kernels::BatchConv* evaluation_kernel(const Codes& input);
  Tensor offset_sums(const Shape& input, const Tensor& weight_codes, const quant::QuantGrid& weight,
                     float offset);
  Variable quantized_weight();
  Variable forward_folded(const Variable& input);

  QuantizedLayer* owner_ = nullptr;  // null: it owns its weight
  bool shared_ = false;              // other layers use its weight
  Variable weight_;
  Variable bias_;
  Variable quantized_;  // in the current pass, for layers that share it
  std::unique_ptr<quant::Quantizer> weight_quantizer_;
  std::optional<quant::GradientQuantizer> gradient_;
  std::optional<FoldedBatchNorm> folded_;
  Precision precision_ = Precision::float32;
  bool integer_forward_ = true;
  std::string_view arithmetic_ = "float32";
  // Kept between evaluated batches: the weight does not change, and reordering it for the kernel
  // costs as much as computing the codes.
  std::optional<Codes> weight_codes_;
  std::int64_t weight_reach_ = 0;    // the largest sum of |code| of an output channel
  std::uint64_t codes_version_ = 0;  // of the weight that weight_codes_ was computed from
  std::uint64_t codes_count_ = 0;    // how often weight_codes_ was computed
  // The kernel for these codes and the last input's shape and grid.
  struct EvaluationKernel {
    std::uint64_t codes_count;  // of the layer that owns the weight
    Shape input;
    quant::QuantGrid grid;
    std::unique_ptr<kernels::BatchConv> kernel;
  };
  std::optional<EvaluationKernel> kernel_;
};

/// Returns `weight`. @throws std::invalid_argument  if its shape is not `shape`
Tensor with_shape(const Shape& shape, Tensor weight);

/// A weight [O, I/groups, KH, KW] or [O, I], uniform in +-sqrt(6 / (fan_in + fan_out)) with
/// fan_in = I/groups*KH*KW and fan_out = O*KH*KW (Glorot & Bengio 2010, eq. 16). Values are drawn
/// in row-major order.
Tensor glorot_uniform(const Shape& shape, Random& random);

}  // namespace quench::layers
