#include "quant/parts/straight_through.h"

#include <cstring>
#include <memory>
#include <utility>

#include "core/element_source.h"
#include "core/ops/bits.h"
#include "core/ops/elementwise.h"
#include "core/profiler.h"
#include "support/error.h"

namespace quench::quant {
namespace {

class MaskedGradient final : public ElementSource {
 public:
  MaskedGradient(Tensor grad_output, Tensor bits, float factor)
      : ElementSource("quantize", ProfileScope::Pass::backward),
        grad_output_(std::move(grad_output)),
        bits_(std::move(bits)),
        factor_(factor) {}

  void read(std::int64_t begin, std::int64_t end, float* to) const override {
    alignas(64) float buffer[kPiece];
    const float* __restrict from = grad_output_.read(begin, end, buffer);
    const std::uint8_t* flags = bits_.data<std::uint8_t>();
    const float scale = factor_;
    const auto single = [=](std::int64_t i) {
      const bool passes = ((flags[i / 8] >> static_cast<unsigned>(i % 8)) & 1U) != 0;
      to[i - begin] = passes ? scale * from[i - begin] : 0.0f;
    };
    std::int64_t i = begin;
    for (; i % kWord != 0 && i < end; ++i) single(i);
    // A word of bits against a constant one for each lane is what the compiler vectorizes.
    for (; i + kWord <= end; i += kWord) {
      std::uint32_t word;
      std::memcpy(&word, flags + i / 8, sizeof(word));
      const float* __restrict g = from + (i - begin);
      float* __restrict out = to + (i - begin);
      for (unsigned lane = 0; lane < kWord; ++lane)
        out[lane] = (word & (1U << lane)) != 0 ? scale * g[lane] : 0.0f;
    }
    for (; i < end; ++i) single(i);
  }

 private:
  static constexpr std::int64_t kWord = 32;
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
    if (bits.defined()) return {masked_gradient(grad_output, bits, factor)};
    return {factor == 1.0f ? grad_output : multiply_scalar(grad_output, factor)};
  }
};

}  // namespace

Tensor masked_gradient(const Tensor& grad_output, Tensor bits, float factor) {
  return Tensor::deferred(grad_output.shape(),
                          std::make_unique<MaskedGradient>(grad_output, std::move(bits), factor));
}

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
