#include <algorithm>
#include <numeric>

#include "quant/code.h"
#include "quant/parts/activation_grid.h"
#include "quant/parts/straight_through.h"
#include "quant/statistics/batch_statistics.h"
#include "quant/strategies/ab_options.h"
#include "quant/strategies/ppq.h"
#include "support/error.h"

namespace quench::quant {
namespace {

/// The base of both kinds: alpha, and its effect in the four activation modes.
class AbActivationBase : public Quantizer, Planned {
 public:
  AbActivationBase(const SlotSpec& spec, const AbOptions& options)
      // Stale even in the tail, which may be shorter than the memory of running statistics.
      : Quantizer(spec, {.stale_batch_norm = true}), options_(options), alpha_(options) {}

  bool on_grid() const override { return share() == 1.0; }
  Planned* planned() override { return this; }
  void begin(const TrainingPlan& plan) override { alpha_.begin(plan); }
  void step(std::int64_t step) override { alpha_.step(step); }
  std::vector<std::pair<std::string, float>> metrics() const override {
    return {{"alpha", static_cast<float>(alpha_.value())}};
  }

 protected:
  /// The quantized share of the forward pass, 0 to 1.
  double share() const {
    switch (options_.activation) {
      case AbActivation::ste:
        return 1.0;
      case AbActivation::off_then_on:
        return alpha_.done() ? 1.0 : 0.0;
      case AbActivation::blend_pure:
      case AbActivation::blend_ste:
        break;
    }
    return alpha_.value();
  }
  /// Whether the gradient is that of the float part of the blend only, with none through the
  /// quantizer.
  bool pure() const {
    return options_.activation == AbActivation::blend_pure && !(alpha_.done() && options_.tail_ste);
  }
  /// The factor on the gradient where it passes.
  float gradient_factor() const { return pure() ? alpha_.keep() : 1.0f; }

  AbOptions options_;
  AbAlpha alpha_;
};

/// 1 bit: (1 - alpha) hardtanh(a) + alpha sign(a). The float network also has a HardTanh before the
/// sign, so its range bounds every gradient.
class AbBinaryActivation final : public AbActivationBase {
 public:
  using AbActivationBase::AbActivationBase;

  QuantGrid grid() const override { return binary_grid(); }
  void observe(const Tensor&) override {}
  SavedState state() const override {
    SavedState state;
    alpha_.save(state);
    return state;
  }
  void load_state(const SavedState& state) override { alpha_.load(state, slot()); }

 protected:
  Variable train_forward(const Variable& x) override {
    const Window window{-1.0f, 1.0f};
    const double alpha = share();
    if (alpha == 1.0)
      return map_straight_through(
          x, window, gradient_factor(), [](float v) { return binary_code(v); }, this);
    const auto keep = static_cast<float>(1.0 - alpha), weight = static_cast<float>(alpha);
    return map_straight_through(x, window, gradient_factor(), [=](float v) {
      return keep * std::clamp(v, -1.0f, 1.0f) + weight * binary_code(v);
    });
  }
};

class AbUniformActivation final : public AbActivationBase, Calibratable {
 public:
  AbUniformActivation(const SlotSpec& spec, const AbOptions& options)
      : AbActivationBase(spec, options), scale_(options.momentum), grid_(options.act_grid) {}

  QuantGrid grid() const override {
    expect(scale_.seen(), "{}: ab has no grid before training or calibration", slot());
    QuantGrid grid = grid_.grid();
    grid.scale[0] = scale_.value();
    return grid;
  }
  void observe(const Tensor& x) override;

  Calibratable* calibratable() override { return this; }
  void calibrate(std::span<const ValueRange> ranges) override {
    scale_.start(grid_.scale_of(ranges, slot()));
  }

  SavedState state() const override {
    SavedState state = scale_.state();
    alpha_.save(state);
    grid_.save(state);
    return state;
  }
  void load_state(const SavedState& state) override {
    grid_.load(state, slot());
    scale_.load_state(state, slot());
    alpha_.load(state, slot());
  }

 protected:
  Variable train_forward(const Variable& x) override;

 private:
  ActivationScale scale_;
  ActivationGrid grid_;
};

/// This rank's part of about `wanted` elements of the batch, sampled at a fixed stride. The stride
/// is coprime to the innermost size; otherwise only some channels of a channels-last tensor would
/// be sampled.
std::vector<float> sample(const Tensor& x, std::int64_t wanted) {
  const BatchPlace batch(x.numel());
  const std::int64_t innermost = x.rank() == 4 ? x.dim(1) : x.dim(x.rank() - 1);
  std::int64_t stride = std::max<std::int64_t>(batch.size / wanted, 1);
  while (std::gcd(stride, innermost) != 1) ++stride;
  std::vector<float> result;
  result.reserve(static_cast<std::size_t>(x.numel() / stride + 1));
  for (std::int64_t i = batch.first_multiple(stride); i < x.numel(); i += stride)
    result.push_back(x.data()[i]);
  return result;
}

void AbUniformActivation::observe(const Tensor& x) {
  if (!grid_.settled()) {
    const Extent reach = finite_batch_extent(x, slot());
    grid_.settle(reach.min, reach.max);
  }
  // A batch starts from the average of the earlier ones, so a few updates suffice.
  constexpr int kUpdates = 3;
  const PpqOptions options{
      .max_updates = options_.ppq_updates > 0 ? options_.ppq_updates : kUpdates,
      .unsigned_codes = grid_.is_unsigned(),
      .gamma = scale_.average(),
      .part_of_batch = true};
  const PpqResult fitted = BatchPlace(x.numel()).size <= options_.ppq_samples
                               ? ppq(x.span(), bits(), options, slot())
                               : ppq(sample(x, options_.ppq_samples), bits(), options, slot());
  scale_.add(fitted.degenerate ? 0.0 : fitted.gamma);
}

Variable AbUniformActivation::train_forward(const Variable& x) {
  // In the tail the network trains on the grid that it will be exported with.
  if (!alpha_.done() || !scale_.seen()) observe(x.value());
  const double alpha = share();
  // Nothing to blend yet; every gradient passes.
  if (alpha == 0.0 && options_.activation != AbActivation::blend_ste) return x;

  const float scale = scale_.value();
  const CodeRange range = centered_range(grid_.grid());
  const bool windowed = !pure() && options_.activation != AbActivation::off_then_on;
  const Window window = windowed ? Window{scale * range.low, scale * range.high} : Window{};
  const auto keep = static_cast<float>(1.0 - alpha), weight = static_cast<float>(alpha);
  if (alpha == 1.0) {
    return map_straight_through(x, window, gradient_factor(), NearestOnGrid{scale, range}, this);
  }
  return map_straight_through(x, window, gradient_factor(), [=](float v) {
    return keep * v + weight * (scale * integer_code(v, scale, range));
  });
}

}  // namespace

std::unique_ptr<Quantizer> make_ab_activation(const SlotSpec& spec, const AbOptions& options) {
  if (spec.bits == 1) return std::make_unique<AbBinaryActivation>(spec, options);
  return std::make_unique<AbUniformActivation>(spec, options);
}

}  // namespace quench::quant
