#include "ptq/reconstruction/trained_step.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "autograd/node.h"
#include "core/ops/elementwise.h"
#include "quant/code.h"
#include "quant/parts/derived_scale.h"
#include "support/error.h"

namespace quench::ptq {
namespace {

struct MixNode final : Node {
  Tensor uniform;
  float share;

  MixNode(Tensor uniform_in, float share_in) : uniform(std::move(uniform_in)), share(share_in) {}
  std::string_view name() const override { return "mix"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    std::vector<Tensor> grads(2);
    if (needs(0))
      grads[0] =
          zip(grad_output, uniform, [p = share](float g, float u) { return u < p ? g : 0.0f; });
    if (needs(1))
      grads[1] =
          zip(grad_output, uniform, [p = share](float g, float u) { return u < p ? 0.0f : g; });
    return grads;
  }
};

quant::SlotSpec spec_like(const quant::Quantizer& quantizer) {
  return {.role = quant::Role::activation, .bits = quantizer.bits(), .slot = quantizer.slot()};
}

}  // namespace

Variable mix(const Variable& a, const Variable& b, const Tensor& uniform, double share) {
  require(a.shape() == b.shape() && a.shape() == uniform.shape(),
          "mix: expected equal shapes, got {}, {} and {}", a.shape().to_string(),
          b.shape().to_string(), uniform.shape().to_string());
  const auto p = static_cast<float>(share);
  Tensor out(a.shape());
  const float *x = a.value().data(), *y = b.value().data(), *u = uniform.data();
  float* to = out.data();
  parallel_for(out.numel(), kParallelGrain, [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) to[i] = u[i] < p ? x[i] : y[i];
  });
  return record<MixNode>({a, b}, std::move(out), uniform, p);
}

TrainedStep::TrainedStep(const quant::Quantizer& of, double keep, Random random)
    : Quantizer(spec_like(of)),
      grid_(of.grid()),
      keep_(keep),
      random_(random),
      step_(Tensor::full({1}, grid_.scale[0]), true) {}

quant::QuantGrid TrainedStep::grid() const {
  quant::QuantGrid grid = grid_;
  grid.scale[0] = step_.value().item();
  return grid;
}

void TrainedStep::clamp() {
  constexpr float kLeast = 1.2e-7f;
  float& step = *step_.mutable_value().data();
  step = std::max(step, kLeast);
  step_.mutable_value().bump_version();
}

Variable TrainedStep::train_forward(const Variable& x) {
  Variable quantized = quant::quantize_with_derived_scale(
      x, step_, {{.scale = step_.value().item(), .slope = 1.0f}}, quant::centered_range(grid_));
  if (keep_ >= 1.0) return quantized;
  Tensor uniform(x.shape());
  random_.fill_uniform(uniform.span());
  return mix(quantized, x, uniform, keep_);
}

bool set_step(quant::Quantizer& quantizer, float step) {
  quant::Calibratable* calibratable = quantizer.calibratable();
  if (calibratable == nullptr) return false;
  const quant::CodeRange codes = quant::centered_range(quantizer.grid());
  const double low = double{step} * double{codes.low}, high = double{step} * double{codes.high};
  // A symmetric grid may have one more code below 0 than above; its range is the one above.
  for (const double min : {low, std::max(low, -high)}) {
    const quant::ValueRange range{min, high};
    calibratable->calibrate({&range, 1});
    const quant::CodeRange now = quant::centered_range(quantizer.grid());
    const float scale = quantizer.grid().scale[0];
    if (std::abs(scale - step) <= 1e-6f * step && now.low == codes.low && now.high == codes.high)
      return true;
  }
  return false;
}

}  // namespace quench::ptq
