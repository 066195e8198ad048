#include "ptq/reconstruction/coded_weight.h"

#include <algorithm>

#include "core/ops/elementwise.h"
#include "support/error.h"

namespace quench::ptq {
namespace {

bool same_values(const Tensor& a, const Tensor& b) {
  return std::ranges::equal(a.span(), b.span());
}

/// Whether the grid does not depend on the weight. Restores the quantizer's grid afterwards.
bool grid_stays(quant::Quantizer& quantizer, const Tensor& weight) {
  const quant::QuantGrid before = quantizer.grid();
  quantizer.observe(map(weight, [](float w) { return 0.5f * w; }));
  const bool stays = quantizer.grid() == before;
  quantizer.observe(weight);
  return stays;
}

}  // namespace

CodedWeight::CodedWeight(layers::QuantizedLayer& layer)
    : layer_(&layer), original_(layer.effective_weight().value().clone()) {
  require(!layer.shares_weight(),
          "{}: reconstruct: expected a weight that is not shared with other layers; "
          "calibration.reconstruct = \"none\" keeps the nearest codes",
          layer.name());
  const NoGradGuard no_grad;
  quant::Quantizer& quantizer = layer.weight_quantizer();
  quantizer.observe(original_);
  grid_ = quantizer.grid();
  const bool uniform = grid_.levels.empty() && grid_.offset == 0.0f;
  require(uniform && grid_stays(quantizer, original_) &&
              same_values(quantizer.quantize(original_), quant::centered_codes(original_, grid_)),
          "{}: reconstruct: expected a method with evenly spaced codes and a scale that does not "
          "depend on the weight, e.g. symmetric, affine or lsq, got {}",
          quantizer.slot(), quantizer.method());
  if (const layers::FoldedBatchNorm* norm = layer.folded())
    factor_ = norm->weight(Variable(Tensor::full(original_.shape(), 1.0f))).value();
}

void CodedWeight::set(const Tensor& values) {
  Tensor weight = values;
  // A channel that the batch norm multiplies by 0 is 0 for any weight.
  if (factor_.defined())
    weight = zip(values, factor_, [](float v, float f) { return f == 0.0f ? 0.0f : v / f; });
  Variable(layer_->weight()).mutable_value().copy_from(weight);
}

Tensor CodedWeight::gradient() const {
  const Tensor& grad = layer_->weight().grad();
  if (!grad.defined() || !factor_.defined()) return grad;
  return zip(grad, factor_, [](float g, float f) { return f == 0.0f ? 0.0f : g / f; });
}

void CodedWeight::set_codes(const Tensor& codes) {
  set(quant::dequantize(codes, grid_));
  const NoGradGuard no_grad;
  expect(
      same_values(layer_->weight_quantizer().quantize(layer_->effective_weight().value()), codes),
      "{}: reconstruct: the weight does not round to the codes that were set",
      layer_->weight_quantizer().slot());
}

}  // namespace quench::ptq
