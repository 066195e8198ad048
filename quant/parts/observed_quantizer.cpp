#include "quant/parts/observed_quantizer.h"

#include "quant/parts/affine_range.h"
#include "quant/statistics/batch_statistics.h"
#include "quant/statistics/value_range.h"
#include "support/error.h"

namespace quench::quant {

ObservedQuantizer::ObservedQuantizer(const SlotSpec& spec)
    : Quantizer(spec),
      activation_grid_(spec.settings, "auto", spec.bits),
      activation_scale_(spec.settings.number(
          {"momentum", "of the average scale of activations over batches"}, 0.99, {0.0, 1.0})),
      weight_grid_(signed_narrow_grid(spec.bits)) {}

QuantGrid ObservedQuantizer::grid() const {
  if (role() == Role::weight) {
    expect(weight_seen_, "{}: {} has no grid until it has seen the weight", slot(), method());
    return weight_grid_;
  }
  expect(activation_scale_.seen(), "{}: {} has no grid before training or calibration", slot(),
         method());
  QuantGrid grid = activation_grid_.grid();
  grid.scale[0] = activation_scale_.value();
  return grid;
}

CodeRange ObservedQuantizer::codes_range() const {
  return centered_range(role() == Role::weight ? weight_grid_ : activation_grid_.grid());
}

Window ObservedQuantizer::gradient_window(float scale) const {
  if (role() == Role::weight) return {};
  return {scale * codes_range().low, scale * codes_range().high};
}

void ObservedQuantizer::observe(const Tensor& x) {
  if (role() == Role::weight) return observe_weight(x);
  observe_activation(x);
}

void ObservedQuantizer::observe_weight(const Tensor& x) {
  const bool per_channel = granularity() == Granularity::per_channel;
  const std::vector<Extent> reach = finite_extents(x, per_channel, slot());
  weight_grid_.set_channels(reach.size(), per_channel);
  for (std::size_t i = 0; i < reach.size(); ++i)
    cover_symmetric(weight_grid_, i, range_of(reach[i]));
  weight_seen_ = true;
}

void ObservedQuantizer::observe_activation(const Tensor& x) {
  const Extent reach = finite_batch_extent(x, slot());
  activation_grid_.settle(reach.min, reach.max);
  const QuantGrid& grid = activation_grid_.grid();
  activation_scale_.add(range_of(reach).reach(grid) / grid.qmax);
}

void ObservedQuantizer::calibrate(std::span<const ValueRange> ranges) {
  activation_scale_.start(activation_grid_.scale_of(ranges, slot()));
}

SavedState ObservedQuantizer::state() const {
  if (role() == Role::weight) return {};
  SavedState state = activation_scale_.state();
  activation_grid_.save(state);
  return state;
}

void ObservedQuantizer::load_state(const SavedState& state) {
  if (role() == Role::weight) return;
  activation_scale_.load_state(state, slot());
  activation_grid_.load(state, slot());
}

}  // namespace quench::quant
