#include "quant/strategies/pact.h"

#include "autograd/node.h"
#include "core/ops/elementwise.h"
#include "quant/parts/trained_map.h"
#include "quant/strategies/trained_clip.h"
#include "support/error.h"

namespace quench::quant {
namespace {

/// The identity on alpha; adds the gradient of lambda alpha^2.
struct PenaltyNode final : Node {
  Saved alpha;
  float lambda;

  PenaltyNode(Saved alpha_in, float lambda_in) : alpha(std::move(alpha_in)), lambda(lambda_in) {}
  std::string_view name() const override { return "penalty"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {zip(grad_output, alpha.get(),
                [twice = 2.0f * lambda](float g, float value) { return g + twice * value; })};
  }
};

struct PactConstants {
  float scale, alpha;
  CodeRange range;
};

class Pact final : public TrainedClip {
 public:
  Pact(const SlotSpec& spec, float alpha_decay)
      // Always unsigned: an empty table, because no key selects the grid.
      : TrainedClip(spec, 10.0, ActivationGrid(Settings(), "unsigned", spec.bits)),
        alpha_decay_(alpha_decay) {}

  QuantGrid grid() const override {
    QuantGrid grid = activation_grid().grid();
    grid.scale[0] = static_cast<float>(double{alpha_value()} / grid.qmax);
    return grid;
  }

 protected:
  Variable train_forward(const Variable& x) override {
    prepare(x.value());
    const QuantGrid exported = grid();
    const Variable clip =
        record<PenaltyNode>({alpha()}, alpha().value(), Saved(alpha().value()), alpha_decay_);
    const PactConstants constants{
        exported.scale[0], alpha_value(), {0.0f, static_cast<float>(exported.qmax)}};
    return map_trained<1>(
        x, {clip}, std::vector{constants},
        [](PactConstants c) {
          return NearestOnGrid{c.scale, c.range};
        },
        [](float v, float g, PactConstants c) {
          const bool inside = (v >= 0.0f) & (v < c.alpha);
          return ElementGradient<1>{inside ? g : 0.0f, {v >= c.alpha ? g : 0.0f}};
        },
        this);
  }

 private:
  float alpha_decay_;
};

std::unique_ptr<Quantizer> make_pact(const SlotSpec& spec) {
  const double decay = spec.settings.number({"alpha_decay", "weight of the penalty on alpha^2"},
                                            1e-4, at_least(0.0));
  return std::make_unique<Pact>(spec, static_cast<float>(decay));
}

}  // namespace

Strategy pact_strategy() {
  return {{.name = "pact",
           .summary = "ReLU with a trained clip, which learns from what it clips",
           .paper = "Choi et al. 2018, arXiv:1805.06085",
           .weight_bits = {0, 0},
           .activation_gradient = Estimator::window,
           .trains = "clip",
           .partner = "dorefa"},
          make_pact};
}

}  // namespace quench::quant
