// A complete quantization method outside the library: "sigma" covers three standard deviations of its
// input and passes the gradient inside that range. One call registers it for the whole program:
//
//   build/examples/custom_quantizer check-quantizer sigma
//   build/examples/custom_quantizer train examples/quickstart.toml --set quant.method=sigma
//     --set quant.bits=4 --set quant.weight.bits=4 --set quant.activation.bits=4

#include <quench/quench.h>

namespace {

using namespace quench;
using namespace quench::quant;

/// f(x) = s * clip(round(x / s), qmin, qmax), dL/dx = dL/dy inside s * [qmin, qmax], else 0, with
/// s = sigmas * deviation / qmax: of the weight in each pass, of activations averaged over batches.
class SigmaQuantizer final : public Quantizer {
 public:
  explicit SigmaQuantizer(const SlotSpec& spec)
      : Quantizer(spec),
        // [quant.sigma] sigmas = 3.0; the line is for quench list config
        sigmas_(spec.settings.number({"sigmas", "where the grid ends, in standard deviations"}, 3.0,
                                     above(0.0))),
        grid_(signed_narrow_grid(spec.bits)) {}

  QuantGrid grid() const override {
    expect(deviation_ >= 0.0, "{}: sigma has no grid before it has seen values", slot());
    QuantGrid grid = grid_;
    if (deviation_ > 0.0) grid.scale[0] = storable_scale(sigmas_ * deviation_ / grid.qmax);
    return grid;
  }

  void observe(const Tensor& x) override {
    // Both reject NaN. For activations, the batch includes the images of all ranks that train
    // together.
    const bool activation = role() == Role::activation;
    const double deviation =
        activation ? batch_moments(x, slot()).deviation : moments(x, false, slot())[0].deviation;
    const bool averages = activation && deviation_ > 0.0;
    deviation_ = averages ? 0.99 * deviation_ + 0.01 * deviation : deviation;
  }

  // Saved for resumed runs and evaluation; a weight's deviation follows from the weight.
  SavedState state() const override { return {{"deviation", state_number(deviation_)}}; }
  void load_state(const SavedState& state) override {
    deviation_ = state_number(state, "deviation", slot());
  }

 protected:
  Variable train_forward(const Variable& x) override {
    observe(x.value());
    const QuantGrid current = grid();
    const float scale = current.scale[0];
    const CodeRange range = centered_range(current);
    return map_straight_through(
        x, {scale * range.low, scale * range.high}, 1.0f,
        [=](float v) { return scale * integer_code(v, scale, range); }, this);
  }

 private:
  double sigmas_;
  QuantGrid grid_;
  double deviation_ = -1.0;  // < 0: no values observed yet
};

}  // namespace

int main(int argc, char** argv) {
  register_quantizer({.name = "sigma",
                      .summary = "symmetric grid over three standard deviations",
                      .weight_bits = {2, 8},
                      .activation_bits = {2, 8},
                      .weight_gradient = Estimator::window,
                      .activation_gradient = Estimator::window},
                     [](const SlotSpec& spec) { return std::make_unique<SigmaQuantizer>(spec); });
  return cli::run_program(argc, argv);
}
