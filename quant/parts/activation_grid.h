#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/tensor.h"
#include "quant/quantizer.h"
#include "quant/saved_state.h"
#include "support/settings.h"

namespace quench::quant {

/// The grid (with scale 1) of a symmetric activation quantizer: signed, or unsigned if no value is
/// negative, as after a ReLU. The key `act_grid` of the method's table selects it:
///
///   "signed_narrow"  [-(2^(b-1)-1), 2^(b-1)-1]
///   "signed_full"    [-2^(b-1), 2^(b-1)-1]
///   "unsigned"       [0, 2^b-1]
///   "auto"           the method's own signed grid if the first batch that is not all zeros contains a
///                    negative value, else unsigned; fixed from then on
class ActivationGrid {
 public:
  enum class Signed : std::uint8_t { narrow, full };

  /// @param fallback      the default of the key
  /// @param choices       the values that the method accepts
  /// @param when_signed   the signed grid of "auto"
  /// @throws std::invalid_argument  for bits that the chosen grid does not support
  ActivationGrid(const Settings& settings, std::string_view fallback, int bits,
                 Signed when_signed = Signed::narrow,
                 const std::vector<std::string>& choices = {"auto", "signed_narrow", "signed_full",
                                                            "unsigned"});

  /// Decides "auto" from the range of the values; does nothing once decided.
  void settle(float min, float max);
  bool settled() const { return settled_; }
  bool is_unsigned() const { return grid().qmin == 0; }
  /// The grid with scale 1; signed until decided.
  const QuantGrid& grid() const { return grid_; }

  /// The real value that qmax must represent to cover the calibrated range, which also decides
  /// "auto".
  /// @throws std::invalid_argument  unless there is exactly one range; the message starts with
  ///                                `slot`
  double reach_of(std::span<const ValueRange> ranges, const std::string& slot);
  /// The corresponding scale; 0 for an empty range. @throws as reach_of()
  double scale_of(std::span<const ValueRange> ranges, const std::string& slot);

  void save(SavedState& state) const;
  /// @throws std::invalid_argument  if the entry is missing; the message starts with `slot`
  void load(const SavedState& state, const std::string& slot);

 private:
  bool settled_;
  QuantGrid grid_;
};

/// The scale of an activation, averaged over batches:
///
///   scale <- momentum * scale + (1 - momentum) * batch scale, starting with the first batch.
///
/// A batch of zeros is ignored; the scale is 1 until the first other batch.
class ActivationScale {
 public:
  explicit ActivationScale(double momentum) : momentum_(momentum) {}

  /// @param batch_scale  > 0, or 0 for a batch of zeros
  void add(double batch_scale) {
    seen_ = true;
    if (batch_scale == 0.0) return;
    average_ =
        average_ > 0.0 ? momentum_ * average_ + (1.0 - momentum_) * batch_scale : batch_scale;
  }
  /// Restarts from `scale`, >= 0, as if it came from the first batch.
  void start(double scale) {
    average_ = 0.0;
    add(scale);
  }
  bool seen() const { return seen_; }          ///< whether there was any batch
  double average() const { return average_; }  ///< 0 before the first batch that was not all zeros
  float value() const;

  SavedState state() const;
  /// @throws std::invalid_argument  if an entry is missing; the message starts with `slot`
  void load_state(const SavedState& state, const std::string& slot);

 private:
  double momentum_;
  double average_ = 0.0;
  bool seen_ = false;
};

}  // namespace quench::quant
