#include "quant/parts/straight_through.h"

#include <memory>
#include <utility>

#include "core/element_source.h"
#include "core/ops/bits.h"
#include "core/ops/elementwise.h"
#include "core/profiler.h"
#include "support/error.h"

namespace quench::quant {
namespace {

/// factor * g where a bit is 1, else 0. Deferred, because what reads it next is often a batch norm's backward.
class MaskedGradient final : public ElementSource {
 public:
  MaskedGradient(Tensor grad_output, Tensor bits, float factor)
      : ElementSource("quantize", ProfileScope::Pass::backward),
        grad_output_(std::move(grad_output)),
        bits_(std::move(bits)),
        factor_(factor) {}

  void read(std::int64_t begin, std::int64_t end, float* to) const override {
    alignas(64) float buffer[kPiece];
    std::uint8_t flags[kPiece + 8];  // from the first whole byte of bits
    const std::int64_t skipped = begin % 8;
    unpack_bits(bits_.data<std::uint8_t>() + begin / 8, end - begin + skipped, flags);
    const std::uint8_t* __restrict passes = flags + skipped;
    const float* __restrict from = grad_output_.read(begin, end, buffer);
    float* __restrict out = to;
    const float scale = factor_;
    for (std::int64_t i = 0; i < end - begin; ++i) out[i] = passes[i] != 0 ? scale * from[i] : 0.0f;
  }

 private:
  Tensor grad_output_, bits_;
  float factor_;
};

struct StraightThroughNode final : Node {
  Tensor bits;  // undefined: 1 everywhere
  float factor;

  StraightThroughNode(Tensor bits_in, float factor_in)
      : bits(std::move(bits_in)), factor(factor_in) {}
  std::string_view name() const override { return "quantize"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    if (bits.defined()) {
      return {Tensor::deferred(grad_output.shape(),
                               std::make_unique<MaskedGradient>(grad_output, bits, factor))};
    }
    return {factor == 1.0f ? grad_output : multiply_scalar(grad_output, factor)};
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
