#include "quant/strategies/ste.h"

#include <algorithm>
#include <cmath>

#include "core/ops/elementwise.h"
#include "core/parallel.h"
#include "quant/code.h"
#include "quant/parts/observed_quantizer.h"
#include "quant/parts/straight_through.h"
#include "support/error.h"

namespace quench::quant {
namespace {

struct SteOptions {
  float clip;
  bool windowed_weights;
  bool stochastic;

  explicit SteOptions(const Settings& settings)
      : clip(static_cast<float>(settings.number(
            {"clip", "1 bit: gradients pass, and latent weights stay, in [-clip, clip]"}, 1.0,
            above(0.0)))),
        windowed_weights(
            settings.choice({"weight_gradient",
                             "1 bit, weights: everywhere, or inside [-clip, clip] (BinaryNet.tf)"},
                            "identity", {"identity", "window"}) == "window"),
        stochastic(settings.choice(
                       {"sampling",
                        "1 bit, weights: the sign, or random signs while training (BinaryConnect)"},
                       "deterministic", {"deterministic", "stochastic"}) == "stochastic") {}
};

class SteBinary : public Quantizer, LatentUpdate {
 public:
  SteBinary(const SlotSpec& spec, const SteOptions& options, Traits traits = {})
      : Quantizer(spec, traits), clip_(options.clip), windowed_weights_(options.windowed_weights) {}

  QuantGrid grid() const override { return binary_grid(); }
  void observe(const Tensor&) override {}

  const LatentUpdate* latent_update() const override { return windowed_weights_ ? nullptr : this; }
  void project(Tensor& weight) const override {
    map_into(weight, weight, [clip = clip_](float w) { return std::clamp(w, -clip, clip); });
    weight.bump_version();
  }

 protected:
  Variable train_forward(const Variable& x) override {
    const bool windowed = role() == Role::activation || windowed_weights_;
    if (!windowed) return straight_through(x, sign(x.value()));
    return map_straight_through(
        x, {-clip_, clip_}, 1.0f, [](float v) { return binary_code(v); }, this);
  }
  /// The mask in which the gradient of a weight passes; undefined: everywhere.
  Tensor weight_mask(const Tensor& w) const {
    if (!windowed_weights_) return {};
    Tensor mask(w.shape(), DType::u8);
    const float* from = w.data();
    std::uint8_t* to = mask.data<std::uint8_t>();
    parallel_for(w.numel(), kParallelGrain,
                 [=, clip = clip_](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t i = begin; i < end; ++i)
                     to[i] = static_cast<std::uint8_t>(std::abs(from[i]) <= clip);
                 });
    return mask;
  }

 private:
  float clip_;
  bool windowed_weights_;
};

/// BinaryConnect's stochastic weight: the sign is redrawn for each step.
class SteStochasticWeight final : public SteBinary, Planned {
 public:
  SteStochasticWeight(const SlotSpec& spec, const SteOptions& options)
      // Batch statistics from training belong to other weights than the signs in evaluation.
      : SteBinary(spec, options, {.stale_batch_norm = true}) {}

  Planned* planned() override { return this; }
  void begin(const TrainingPlan& plan) override { seed_ = plan.seed; }
  void step(std::int64_t step) override { next_step_ = step + 1; }
  SavedState state() const override {
    return {{"next_step", state_number(static_cast<double>(next_step_))}};
  }
  void load_state(const SavedState& state) override {
    next_step_ = static_cast<std::int64_t>(state_number(state, "next_step", slot()));
  }

 protected:
  Variable train_forward(const Variable& w) override {
    Tensor uniform(w.shape());
    // Depends on seed, slot and step, so that a resumed run draws the same signs.
    Random(seed_, "stochastic sign of " + slot())
        .fork(static_cast<std::uint64_t>(next_step_))
        .fill_uniform(uniform.span());
    return straight_through(w, stochastic_sign(w.value(), uniform), 1.0f, weight_mask(w.value()));
  }

 private:
  std::uint64_t seed_ = 0;
  std::int64_t next_step_ = 0;
};

class SteGrid final : public ObservedQuantizer {
 public:
  using ObservedQuantizer::ObservedQuantizer;

 protected:
  Variable train_forward(const Variable& x) override {
    observe(x.value());
    const QuantGrid current = grid();
    // The grid covers the largest weight, so no gradient is masked.
    if (role() == Role::weight) return straight_through(x, fake_quantize(x.value(), current));
    const float scale = current.scale[0];
    const CodeRange range = codes_range();
    return map_straight_through(x, gradient_window(scale), 1.0f, NearestOnGrid{scale, range}, this);
  }
};

}  // namespace

Tensor stochastic_sign(const Tensor& x, const Tensor& uniform) {
  return zip(x, uniform, [](float v, float u) {
    return u < std::clamp(0.5f * (v + 1.0f), 0.0f, 1.0f) ? 1.0f : -1.0f;
  });
}

namespace {

std::unique_ptr<Quantizer> make_ste(const SlotSpec& spec) {
  // Reads all keys for every slot, so that none is reported as unknown.
  const SteOptions options(spec.settings);
  SlotSpec of_more_bits = spec;
  of_more_bits.bits = std::max(spec.bits, 2);
  auto on_grid = std::make_unique<SteGrid>(of_more_bits);
  if (spec.bits > 1) return on_grid;
  if (spec.role == Role::weight && options.stochastic)
    return std::make_unique<SteStochasticWeight>(spec, options);
  return std::make_unique<SteBinary>(spec, options);
}

}  // namespace

Strategy ste_strategy() {
  return {{.name = "ste",
           .summary = "sign or symmetric grid, straight-through gradient",
           .paper = "Courbariaux et al. 2016, arXiv:1602.02830",
           .per_channel = true,
           .weight_gradient = Estimator::identity,
           .activation_gradient = Estimator::window},
          make_ste};
}

}  // namespace quench::quant
