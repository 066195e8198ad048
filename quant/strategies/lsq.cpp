#include "quant/strategies/lsq.h"

#include <array>
#include <cmath>

#include "quant/parts/activation_grid.h"
#include "quant/parts/trained_scale.h"
#include "quant/statistics/batch_statistics.h"
#include "quant/statistics/value_range.h"
#include "quant/strategies/lsq_step.h"
#include "support/error.h"

namespace quench::quant {
namespace {

double first_step(double mean_abs, const QuantGrid& grid) {
  return mean_abs * (2.0 / std::sqrt(grid.qmax));
}

std::vector<double> weight_steps(const Tensor& w, bool per_channel, const QuantGrid& grid,
                                 std::string_view slot) {
  std::vector<double> steps = mean_abs(w, per_channel, slot);
  for (double& step : steps) step = first_step(step, grid);
  return steps;
}

class LsqActivation final : public Quantizer, Calibratable, Limited {
 public:
  LsqActivation(const SlotSpec& spec, const LsqOptions& options, ActivationGrid grid)
      : Quantizer(spec), options_(options), grid_(std::move(grid)), scale_(1) {}

  QuantGrid grid() const override {
    expect(scale_.seen(), "{}: lsq has no grid before training or calibration", slot());
    QuantGrid grid = grid_.grid();
    grid.scale = scale_.values();
    return grid;
  }

  void observe(const Tensor& x) override {
    if (scale_.started()) return;
    const Extent reach = finite_batch_extent(x, slot());
    if (reach.max_abs == 0.0f) return scale_.note_zeros();
    grid_.settle(reach.min, reach.max);
    scale_.start(std::array{first_step(batch_mean_abs(x, slot()), grid_.grid())}, slot());
  }

  Calibratable* calibratable() override { return this; }
  void calibrate(std::span<const ValueRange> ranges) override {
    scale_.start(std::array{grid_.scale_of(ranges, slot())}, slot());
  }
  const Limited* limited() const override { return this; }
  std::vector<ValuesAtLimit> at_limit() const override { return scale_.at_floor("scale"); }

  std::vector<std::pair<std::string, Variable>> parameters() override {
    return {{"scale", scale_.variable()}};
  }
  void step(std::int64_t) override { scale_.clamp(slot()); }

  SavedState state() const override {
    SavedState state;
    scale_.save(state);
    grid_.save(state);
    return state;
  }
  void load_state(const SavedState& state) override {
    scale_.load(state, slot());
    grid_.load(state, slot());
  }

 protected:
  Variable train_forward(const Variable& x) override {
    observe(x.value());
    scale_.clamp(slot());
    return lsq_map(x, scale_.variable(), grid_.grid(), features(x.value()), options_, *this);
  }

 private:
  LsqOptions options_;
  ActivationGrid grid_;
  TrainedScale scale_;
};

std::unique_ptr<Quantizer> make_lsq(const SlotSpec& spec) {
  const LsqOptions options(spec.settings);
  ActivationGrid grid(spec.settings, spec.bits == 1 ? "unsigned" : "auto", spec.bits,
                      ActivationGrid::Signed::full);
  if (spec.role == Role::weight) return make_lsq_weight(spec, options, weight_steps);
  return std::make_unique<LsqActivation>(spec, options, std::move(grid));
}

}  // namespace

Strategy lsq_strategy() {
  return {{.name = "lsq",
           .summary = "trained step size, straight-through gradient",
           .paper = "Esser et al. 2020, arXiv:1902.08153",
           .weight_bits = {2, 8},
           .per_channel = true,
           .weight_gradient = Estimator::window,
           .activation_gradient = Estimator::window,
           .trains = "step"},
          make_lsq};
}

}  // namespace quench::quant
