#include "quant/strategies/trained_clip.h"

#include <algorithm>
#include <array>

#include "quant/statistics/batch_statistics.h"
#include "support/error.h"

namespace quench::quant {

TrainedClip::TrainedClip(const SlotSpec& spec, double fallback, ActivationGrid grid)
    : Quantizer(spec), alpha_(1, 1e-6f), grid_(std::move(grid)) {
  const double alpha = spec.settings.number({"alpha", "where the clipping of activations starts"},
                                            fallback, above(0.0));
  const std::string init =
      spec.settings.choice({"init", "start at alpha, or at the largest value of the first batch"},
                           "constant", {"constant", "max"});
  if (init == "constant") alpha_.start(std::array{alpha}, slot());
}

void TrainedClip::observe(const Tensor& x) {
  if (alpha_.started() && grid_.settled()) return;
  const Extent extent = finite_batch_extent(x, slot());
  grid_.settle(extent.min, extent.max);
  if (alpha_.started()) return;
  const double clip = range_of(extent).reach(grid_.grid());
  if (clip == 0.0) return alpha_.note_zeros();
  alpha_.start(std::array{clip}, slot());
}

void TrainedClip::calibrate(std::span<const ValueRange> ranges) {
  alpha_.start(std::array{grid_.reach_of(ranges, slot())}, slot());
}

float TrainedClip::alpha_value() const {
  expect(alpha_.seen(), "{}: {} has no grid before training or calibration", slot(), method());
  return alpha_.values()[0];
}

SavedState TrainedClip::state() const {
  SavedState state;
  alpha_.save(state);
  grid_.save(state);
  return state;
}

void TrainedClip::load_state(const SavedState& state) {
  alpha_.load(state, slot());
  grid_.load(state, slot());
}

}  // namespace quench::quant
