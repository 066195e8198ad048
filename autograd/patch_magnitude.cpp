#include "autograd/patch_magnitude.h"

#include "autograd/node.h"
#include "core/patch_magnitude.h"

namespace quench {
namespace {

struct MultiplyAcrossChannelsNode final : Node {
  Saved factor;

  explicit MultiplyAcrossChannelsNode(Saved factor_in) : factor(std::move(factor_in)) {}
  std::string_view name() const override { return "multiply_across_channels"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {multiply_across_channels(grad_output, factor.get())};
  }
};

}  // namespace

Variable multiply_across_channels(const Variable& x, const Tensor& factor) {
  return record<MultiplyAcrossChannelsNode>({x}, multiply_across_channels(x.value(), factor),
                                            Saved(factor));
}

}  // namespace quench
