#include "quant/strategies/ste.h"

#include <algorithm>
#include <cmath>

#include "core/elementwise.h"
#include "core/error.h"
#include "core/parallel.h"
#include "quant/activation_grid.h"
#include "quant/activation_scale.h"
#include "quant/code.h"
#include "quant/extent.h"
#include "quant/straight_through.h"

namespace quench::quant {
namespace {

struct SteOptions {
  float clip;
  bool windowed_weights;
  bool stochastic;
  ActivationGrid act_grid;  // of 2 bits for a slot of 1, which has no use for it
  double momentum;

  // All keys are read whatever the slot needs, so that none counts as left over.
  SteOptions(const Settings& settings, int bits)
      : clip(static_cast<float>(settings.number("clip", 1.0, above(0.0)))),
        windowed_weights(settings.choice("weight_gradient", "identity", {"identity", "window"}) ==
                         "window"),
        stochastic(settings.choice("sampling", "deterministic", {"deterministic", "stochastic"}) ==
                   "stochastic"),
        act_grid(settings, "signed_narrow", std::max(bits, 2)),
        momentum(settings.number("momentum", 0.99, {0.0, 1.0})) {}
};

class SteBinary : public Quantizer {
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
  /// Where the gradient of a weight passes; undefined: everywhere.
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

/// BinaryConnect's stochastic weight: the sign is drawn anew for each step.
class SteStochasticWeight final : public SteBinary {
 public:
  using SteBinary::SteBinary;

  void begin_training(const TrainingPlan& plan) override { seed_ = plan.seed; }
  void step(std::int64_t step) override { next_step_ = step + 1; }
  // The batches of training saw other weights than the signs of evaluation.
  bool stale_batch_norm() const override { return true; }
  SavedState state() const override {
    return {{"next_step", state_number(static_cast<double>(next_step_))}};
  }
  void load_state(const SavedState& state) override {
    next_step_ = static_cast<std::int64_t>(state_number(state, "next_step", slot()));
  }

 protected:
  Variable train_forward(const Variable& w) override {
    Tensor uniform(w.shape());
    // A function of seed, slot and step, so that a resumed run draws the same.
    Random(seed_, "stochastic sign of " + slot())
        .fork(static_cast<std::uint64_t>(next_step_))
        .fill_uniform(uniform.span());
    return straight_through(w, stochastic_sign(w.value(), uniform), 1.0f, weight_mask(w.value()));
  }

 private:
  std::uint64_t seed_ = 0;
  std::int64_t next_step_ = 0;
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
      : Quantizer(spec), scale_(options.momentum), grid_(options.act_grid) {}

  QuantGrid grid() const override {
    expect(scale_.seen(),
           "{}: ste has no grid before training or calibration has shown it an activation", slot());
    QuantGrid grid = grid_.grid();
    grid.scale[0] = scale_.value();
    return grid;
  }

  void observe(const Tensor& x) override {
    const Extent reach = finite_extents(x, false, slot())[0];
    grid_.settle(reach.min, reach.max);
    scale_.add(double{grid_.is_unsigned() ? reach.max : reach.max_abs} / grid_.grid().qmax);
  }

  bool calibratable() const override { return true; }
  void calibrate(std::span<const ValueRange> ranges) override {
    scale_.start(grid_.scale_of(ranges, slot()));
  }

  SavedState state() const override {
    SavedState state = scale_.state();
    grid_.save(state);
    return state;
  }
  void load_state(const SavedState& state) override {
    scale_.load_state(state, slot());
    grid_.load(state, slot());
  }

 protected:
  Variable train_forward(const Variable& x) override {
    observe(x.value());
    const float scale = scale_.value();
    const CodeRange range{static_cast<float>(grid_.grid().qmin),
                          static_cast<float>(grid_.grid().qmax)};
    return map_straight_through(x, {scale * range.low, scale * range.high}, 1.0f,
                                [=](float v) { return scale * integer_code(v, scale, range); });
  }

 private:
  ActivationScale scale_;
  ActivationGrid grid_;
};

}  // namespace

Tensor stochastic_sign(const Tensor& x, const Tensor& uniform) {
  return zip(x, uniform, [](float v, float u) {
    return u < std::clamp(0.5f * (v + 1.0f), 0.0f, 1.0f) ? 1.0f : -1.0f;
  });
}

std::unique_ptr<Quantizer> make_ste(const QuantizerSpec& spec) {
  const SteOptions options(*spec.settings, spec.bits);
  if (spec.bits == 1 && spec.role == Role::weight && options.stochastic)
    return std::make_unique<SteStochasticWeight>(spec, options);
  if (spec.bits == 1) return std::make_unique<SteBinary>(spec, options);
  if (spec.role == Role::weight) return std::make_unique<SteWeight>(spec);
  return std::make_unique<SteActivation>(spec, options);
}

}  // namespace quench::quant
