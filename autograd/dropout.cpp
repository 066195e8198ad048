#include "autograd/dropout.h"

#include "autograd/node.h"
#include "core/elementwise.h"
#include "support/error.h"

namespace quench {
namespace {

/// y = x * mask / (1 - p), linear in x and so its own transpose.
Tensor drop(const Tensor& x, float probability, Random& random) {
  Tensor noise(x.shape());
  random.fill_uniform(noise.span());
  const float scale = 1.0f / (1.0f - probability);
  return zip(x, noise, [=](float v, float u) { return u < probability ? 0.0f : v * scale; });
}

/// Keeps where the random stream stood and not the mask: to draw it again costs time, to keep it
/// would cost memory.
struct DropoutNode final : Node {
  float probability;
  Random random;

  DropoutNode(float probability_in, const Random& random_in)
      : probability(probability_in), random(random_in) {}
  std::string_view name() const override { return "dropout"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    Random again = random;
    return {drop(grad_output, probability, again)};
  }
};

}  // namespace

Variable dropout(const Variable& x, float probability, Random& random) {
  require(probability >= 0.0f && probability < 1.0f,
          "dropout: expected a probability in [0, 1), got {}", probability);
  const Random start = random;
  return record<DropoutNode>({x}, drop(x.value(), probability, random), probability, start);
}

}  // namespace quench
