#include "quant/strategies/xnor.h"

#include "quant/code.h"
#include "quant/parts/straight_through.h"
#include "quant/strategies/bwn.h"

namespace quench::quant {
namespace {

class XnorActivation final : public Quantizer {
 public:
  XnorActivation(const SlotSpec& spec, bool input_scale)
      : Quantizer(spec, {.scales_output = input_scale}) {}

  QuantGrid grid() const override { return binary_grid(); }
  void observe(const Tensor&) override {}

 protected:
  Variable train_forward(const Variable& x) override {
    return map_straight_through(
        x, {-1.0f, 1.0f}, 1.0f, [](float v) { return binary_code(v); }, this);
  }
};

std::unique_ptr<Quantizer> make_xnor(const SlotSpec& spec) {
  // Both read all their keys for every slot, so that none is reported as unknown.
  std::unique_ptr<Quantizer> weight = make_bwn(spec);
  const bool input_scale = spec.settings.boolean(
      {"input_scale", "multiply outputs by the mean absolute input; false can be deployed"}, true);
  if (spec.role == Role::weight) return weight;
  return std::make_unique<XnorActivation>(spec, input_scale);
}

}  // namespace

Strategy xnor_strategy() {
  return {
      {.name = "xnor",
       .summary = "weights of bwn, sign of activations, output scaled by the mean input (option)",
       .paper = "Rastegari et al. 2016, arXiv:1603.05279",
       .weight_bits = {1, 1},
       .activation_bits = {1, 1},
       .per_channel = true,
       .granularity = Granularity::per_channel,
       .activation_gradient = Estimator::window},
      make_xnor};
}

}  // namespace quench::quant
