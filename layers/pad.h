#pragma once

#include <cstdint>

#include "core/window.h"
#include "layers/module.h"

namespace quench {

/// How many zeros Pad adds; each >= 0.
struct PadSizes {
  std::int64_t channels_before = 0, channels_after = 0;
  Padding image{};  ///< rows and columns

  bool operator==(const PadSizes&) const = default;
};

/// Zeros around [N, C, H, W], as channels before and after and as rows and columns; or as channels
/// alone around [N, C]. Channels of zeros fit a shortcut without parameters to more channels (He et
/// al. 2015, section 4.2, option A).
class Pad final : public Module {
 public:
  /// @throws std::invalid_argument  for a negative size
  explicit Pad(const PadSizes& sizes);
  const PadSizes& sizes() const { return sizes_; }
  bool pads_channels() const { return sizes_.channels_before > 0 || sizes_.channels_after > 0; }
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;

 private:
  PadSizes sizes_;
};

}  // namespace quench
