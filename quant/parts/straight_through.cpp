#include "quant/parts/straight_through.h"

#include "core/ops/elementwise.h"
#include "core/profiler.h"

namespace quench::quant {
namespace {

struct StraightThroughNode final : Node {
  Tensor mask;
  float factor;

  StraightThroughNode(Tensor mask_in, float factor_in)
      : mask(std::move(mask_in)), factor(factor_in) {}
  std::string_view name() const override { return "quantize"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    if (!mask.defined()) {
      return {factor == 1.0f ? grad_output : multiply_scalar(grad_output, factor)};
    }
    Tensor grad(grad_output.shape());
    const float* g = grad_output.data();
    const std::uint8_t* inside = mask.data<std::uint8_t>();
    float* out = grad.data();
    parallel_for(grad.numel(), kParallelGrain, [=, this](std::int64_t begin, std::int64_t end) {
      const float scale = factor;  // a local copy: the loop's stores might alias a member
      const std::uint8_t* __restrict passes = inside;
      const float* __restrict from = g;
      float* __restrict to = out;
      for (std::int64_t i = begin; i < end; ++i) to[i] = passes[i] != 0 ? scale * from[i] : 0.0f;
    });
    return {std::move(grad)};
  }
};

}  // namespace

Variable straight_through(const Variable& x, Tensor output, float factor, Tensor mask) {
  if (factor == 0.0f) return Variable(std::move(output));
  return record<StraightThroughNode>({x}, std::move(output), std::move(mask), factor);
}

}  // namespace quench::quant
