#include "autograd/feature_map.h"

#include "autograd/node.h"
#include "core/elementwise.h"
#include "core/feature_map.h"
#include "core/profiler.h"

namespace quench {
namespace {

/// y = x f: dx = f dy, df = sum over the map of x dy
struct MultiplyPerMapNode final : Node {
  Saved x, factor;

  MultiplyPerMapNode(const Tensor& x_in, const Tensor& factor_in) : x(x_in), factor(factor_in) {}
  std::string_view name() const override { return "multiply_per_map"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {needs(0) ? multiply_per_map(grad_output, factor.get()) : Tensor(),
            needs(1) ? sum_per_map(multiply(grad_output, x.get())) : Tensor()};
  }
};

}  // namespace

Variable multiply_per_map(const Variable& x, const Variable& factor) {
  const ProfileScope profile("multiply_per_map");
  return record<MultiplyPerMapNode>({x, factor}, multiply_per_map(x.value(), factor.value()),
                                    x.value(), factor.value());
}

}  // namespace quench
