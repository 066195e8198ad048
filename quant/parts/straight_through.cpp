#include "quant/parts/straight_through.h"

#include "core/ops/bits.h"
#include "core/ops/elementwise.h"
#include "core/profiler.h"
#include "support/error.h"

namespace quench::quant {
namespace {

struct StraightThroughNode final : Node {
  Tensor bits;  // undefined: 1 everywhere
  float factor;

  StraightThroughNode(Tensor bits_in, float factor_in)
      : bits(std::move(bits_in)), factor(factor_in) {}
  std::string_view name() const override { return "quantize"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    if (!bits.defined()) {
      return {factor == 1.0f ? grad_output : multiply_scalar(grad_output, factor)};
    }
    Tensor grad(grad_output.shape());
    const float* g = grad_output.data();
    const std::uint8_t* flags = bits.data<std::uint8_t>();
    float* out = grad.data();
    const Pieces pieces(grad.numel(), 1);
    pieces.for_each([=, this](std::int64_t piece) {
      const std::int64_t begin = pieces.begin(piece), count = pieces.size(piece);
      std::uint8_t passes[Pieces::kSize];
      unpack_bits(flags + begin / 8, count, passes);
      const float scale = factor;  // a local copy: the loop's stores might alias a member
      const float* __restrict from = g + begin;
      float* __restrict to = out + begin;
      for (std::int64_t i = 0; i < count; ++i) to[i] = passes[i] != 0 ? scale * from[i] : 0.0f;
    });
    return {std::move(grad)};
  }
};

}  // namespace

Variable straight_through(const Variable& x, Tensor output, float factor, const Tensor& mask) {
  if (!mask.defined()) return straight_through_bits(x, std::move(output), factor, {});
  require(mask.shape() == x.shape(), "straight_through: expected a mask {}, got {}",
          x.shape().to_string(), mask.shape().to_string());
  Tensor bits({bytes_of_bits(mask.numel())}, DType::u8);
  pack_bits(mask.data<std::uint8_t>(), mask.numel(), bits.data<std::uint8_t>());
  return straight_through_bits(x, std::move(output), factor, std::move(bits));
}

Variable straight_through_bits(const Variable& x, Tensor output, float factor, Tensor bits) {
  if (factor == 0.0f) return Variable(std::move(output));
  return record<StraightThroughNode>({x}, std::move(output), std::move(bits), factor);
}

}  // namespace quench::quant
