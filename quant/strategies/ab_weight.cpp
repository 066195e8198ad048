#include <algorithm>

#include "core/ops/elementwise.h"
#include "quant/code.h"
#include "quant/parts/straight_through.h"
#include "quant/statistics/value_range.h"
#include "quant/strategies/ab_options.h"
#include "quant/strategies/ppq.h"
#include "support/error.h"

namespace quench::quant {
namespace {

class AbWeight final : public Quantizer, LatentUpdate, Planned {
 public:
  AbWeight(const SlotSpec& spec, const AbOptions& options)
      // Stale even in the tail, which may be shorter than the memory of running statistics.
      : Quantizer(spec, {.stale_batch_norm = true}),
        options_(options),
        alpha_(options),
        grid_(spec.bits == 1 ? binary_grid() : signed_narrow_grid(spec.bits)),
        code_grid_(grid_),
        observed_(spec.bits == 1 && !options.mean_abs_scale),
        step_scale_mode_(options.gradient == AbGradient::step_scale) {}

  QuantGrid grid() const override { return observed(grid_); }
  Tensor quantize(const Tensor& w) const override {
    return centered_codes(w, observed(code_grid_));
  }
  void observe(const Tensor& x) override;
  bool on_grid() const override { return alpha_.done(); }

  Planned* planned() override { return this; }
  void begin(const TrainingPlan& plan) override {
    alpha_.begin(plan);
    if (options_.gradient == AbGradient::by_optimizer) step_scale_mode_ = plan.adaptive_optimizer;
  }
  void step(std::int64_t step) override { alpha_.step(step); }

  const LatentUpdate* latent_update() const override { return this; }
  float step_scale() const override {
    // Momentum and weight decay would still move a weight without gradient.
    if (alpha_.done()) return 0.0f;
    return step_scale_mode_ ? alpha_.keep() : 1.0f;
  }
  void project(Tensor& weight) const override {
    if (options_.latent_clip == 0.0f) return;
    const float limit = options_.latent_clip;
    map_into(weight, weight, [limit](float w) { return std::clamp(w, -limit, limit); });
    weight.bump_version();
  }
  std::vector<std::pair<std::string, float>> metrics() const override {
    return {{"alpha", static_cast<float>(alpha_.value())}};
  }

  SavedState state() const override;
  void load_state(const SavedState& state) override;

 protected:
  Variable train_forward(const Variable& x) override;

 private:
  const QuantGrid& observed(const QuantGrid& grid) const {
    expect(observed_, "{}: ab has no grid until it has seen the weight", slot());
    return grid;
  }
  /// w_q as in evaluation and export.
  Tensor projection(const Tensor& w) const { return dequantize(quantize(w), grid_); }
  Tensor blend(const Tensor& w) const;
  Tensor blend_with_kept(const Tensor& w) const;
  void keep_projection(const Tensor& w);

  AbOptions options_;
  AbAlpha alpha_;
  QuantGrid grid_;
  QuantGrid code_grid_;  ///< its nearest codes are the ones that gave grid_'s scales
  bool observed_;        ///< whether grid_ has its scales
  bool step_scale_mode_;
  Tensor projected_;  ///< w_q, if reused for several steps
};

void AbWeight::observe(const Tensor& x) {
  const bool per_channel = granularity() == Granularity::per_channel;
  if (!grid_.binary()) {
    PpqScales fitted = ppq_scales(x, bits(), per_channel, options_.ppq_updates, slot());
    code_grid_.scale = std::move(fitted.code_gamma);
    grid_.scale = std::move(fitted.gamma);
  } else if (options_.mean_abs_scale) {
    grid_.scale.clear();
    for (const double mean : mean_abs(x, per_channel, slot())) {
      grid_.scale.push_back(mean > 0.0 ? storable_scale(mean) : 1.0f);
    }
    code_grid_.scale = grid_.scale;
  } else {
    return;
  }
  observed_ = true;
  for (QuantGrid* grid : {&grid_, &code_grid_}) {
    grid->axis = per_channel ? 0 : -1;
    grid->zero_point.assign(grid_.scale.size(), 0);
  }
}

Variable AbWeight::train_forward(const Variable& x) {
  const Tensor& w = x.value();
  const bool kept = options_.project_every > 1 && !alpha_.done();
  if (kept) keep_projection(w);
  if (alpha_.value() == 0.0) return x;
  if (alpha_.done()) {
    // The codes of the final weight, not of the kept one. No gradient: the weight no longer
    // changes.
    observe(w);
    return Variable(projection(w));
  }
  if (!kept) observe(w);
  return straight_through(x, kept ? blend_with_kept(w) : blend(w),
                          step_scale_mode_ ? 1.0f : alpha_.keep());
}

/// (1 - alpha) w + alpha * scale * code(w), in one pass.
Tensor AbWeight::blend(const Tensor& w) const {
  Tensor out(w.shape());
  const float* from = w.data();
  float* to = out.data();
  const float keep = alpha_.keep(), alpha = static_cast<float>(alpha_.value());
  const CodeRange range = centered_range(grid_);
  const bool binary = grid_.binary();
  const std::vector<float>&scales = grid_.scale, &code_scales = code_grid_.scale;
  // By value: the loop's stores might alias a float held by reference.
  for_each_channel(
      w, scales.size(),
      [=, &scales, &code_scales](std::size_t channel, std::int64_t begin, std::int64_t end) {
        const float weight = alpha * scales[channel];
        if (binary) {
          for (std::int64_t i = begin; i < end; ++i) {
            to[i] = keep * from[i] + weight * binary_code(from[i]);
          }
          return;
        }
        const float scale = code_scales[channel];
        for (std::int64_t i = begin; i < end; ++i) {
          to[i] = keep * from[i] + weight * integer_code(from[i], scale, range);
        }
      });
  return out;
}

void AbWeight::keep_projection(const Tensor& w) {
  if (projected_.defined() && alpha_.next_step() % options_.project_every != 0) return;
  observe(w);
  projected_ = projection(w);
}

Tensor AbWeight::blend_with_kept(const Tensor& w) const {
  require(projected_.shape() == w.shape(), "{}: expected the kept w_q to have shape {}, got {}",
          slot(), w.shape().to_string(), projected_.shape().to_string());
  return zip(w, projected_,
             [keep = alpha_.keep(), alpha = static_cast<float>(alpha_.value())](
                 float value, float q) { return keep * value + alpha * q; });
}

SavedState AbWeight::state() const {
  SavedState state;
  alpha_.save(state);
  // Not the scales: they follow from the weight.
  if (projected_.defined()) state["projected"] = projected_;
  return state;
}

void AbWeight::load_state(const SavedState& state) {
  alpha_.load(state, slot());
  projected_ =
      state.contains("projected") ? state_tensor(state, "projected", slot()).clone() : Tensor();
}

}  // namespace

std::unique_ptr<Quantizer> make_ab_weight(const SlotSpec& spec, const AbOptions& options) {
  return std::make_unique<AbWeight>(spec, options);
}

}  // namespace quench::quant
