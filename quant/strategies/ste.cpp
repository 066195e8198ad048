#include "quant/strategies/ste.h"

#include <algorithm>

#include "core/elementwise.h"
#include "core/error.h"
#include "quant/activation_scale.h"
#include "quant/code.h"
#include "quant/extent.h"
#include "quant/straight_through.h"

namespace quench::quant {
namespace {

struct SteOptions {
  float clip;
  bool windowed_weights;
  bool unsigned_activations;
  double momentum;

  // All keys are read whatever the slot needs, so that none counts as left over.
  explicit SteOptions(const Settings& settings)
      : clip(static_cast<float>(settings.number("clip", 1.0, above(0.0)))),
        windowed_weights(settings.choice("weight_gradient", "identity", {"identity", "window"}) ==
                         "window"),
        unsigned_activations(settings.choice("act_grid", "signed_narrow",
                                             {"signed_narrow", "unsigned"}) == "unsigned"),
        momentum(settings.number("momentum", 0.99, {0.0, 1.0})) {}
};

class SteBinary final : public Quantizer {
 public:
  SteBinary(const QuantizerSpec& spec, const SteOptions& options)
      : Quantizer(spec), clip_(options.clip), windowed_weights_(options.windowed_weights) {}

  QuantGrid grid() const override { return binary_grid(); }
  void observe(const Tensor&) override {}

  void project_latent(Tensor& weight) const override {
    if (windowed_weights_) return;
    map_into(weight, weight, [clip = clip_](float w) { return std::clamp(w, -clip, clip); });
    weight.bump_version();
  }

 protected:
  Variable train_forward(const Variable& x) override {
    const bool windowed = role() == Role::activation || windowed_weights_;
    if (!windowed) return straight_through(x, sign(x.value()));
    return map_straight_through(x, {-clip_, clip_}, 1.0f, [](float v) { return binary_code(v); });
  }

 private:
  float clip_;
  bool windowed_weights_;
};

class SteWeight final : public Quantizer {
 public:
  explicit SteWeight(const QuantizerSpec& spec)
      : Quantizer(spec), grid_(signed_narrow_grid(spec.bits)) {}

  QuantGrid grid() const override {
    expect(observed_, "{}: ste has no grid before it has seen the weight", slot());
    return grid_;
  }

  void observe(const Tensor& x) override {
    const bool per_channel = granularity() == Granularity::per_channel;
    const std::vector<Extent> reach = finite_extents(x, per_channel, slot());
    grid_.axis = per_channel ? 0 : -1;
    grid_.scale.resize(reach.size());
    grid_.zero_point.assign(reach.size(), 0);
    for (std::size_t i = 0; i < reach.size(); ++i) {
      const float largest = reach[i].max_abs;
      grid_.scale[i] = largest > 0.0f ? storable_scale(double{largest} / grid_.qmax) : 1.0f;
    }
    observed_ = true;
  }

 protected:
  Variable train_forward(const Variable& x) override {
    observe(x.value());
    // The scale reaches the largest weight: none lies outside, so none has its gradient masked.
    return straight_through(x, fake_quantize(x.value(), grid_));
  }

 private:
  QuantGrid grid_;
  bool observed_ = false;
};

class SteActivation final : public Quantizer {
 public:
  SteActivation(const QuantizerSpec& spec, const SteOptions& options)
      : Quantizer(spec),
        scale_(options.momentum),
        grid_(options.unsigned_activations ? unsigned_grid(spec.bits)
                                           : signed_narrow_grid(spec.bits)) {}

  QuantGrid grid() const override {
    expect(scale_.seen(),
           "{}: ste has no grid before training or calibration has shown it an activation", slot());
    QuantGrid grid = grid_;
    grid.scale[0] = scale_.value();
    return grid;
  }

  void observe(const Tensor& x) override {
    const Extent reach = finite_extents(x, false, slot())[0];
    scale_.add(double{grid_.qmin == 0 ? reach.max : reach.max_abs} / grid_.qmax);
  }

  std::map<std::string, Tensor> state() const override { return scale_.state(); }
  void load_state(const std::map<std::string, Tensor>& state) override {
    scale_.load_state(state, slot());
  }

 protected:
  Variable train_forward(const Variable& x) override {
    observe(x.value());
    const float scale = scale_.value();
    const CodeRange range{static_cast<float>(grid_.qmin), static_cast<float>(grid_.qmax)};
    return map_straight_through(x, {scale * range.low, scale * range.high}, 1.0f,
                                [=](float v) { return scale * integer_code(v, scale, range); });
  }

 private:
  ActivationScale scale_;
  QuantGrid grid_;
};

}  // namespace

std::unique_ptr<Quantizer> make_ste(const QuantizerSpec& spec) {
  const SteOptions options(*spec.settings);
  if (spec.bits == 1) return std::make_unique<SteBinary>(spec, options);
  if (spec.role == Role::weight) return std::make_unique<SteWeight>(spec);
  return std::make_unique<SteActivation>(spec, options);
}

}  // namespace quench::quant
