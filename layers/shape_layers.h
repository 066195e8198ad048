#pragma once

#include <cstdint>

#include "core/ops/window.h"
#include "layers/module.h"

namespace quench {

/// [N, C, H, W] to [N, H*W*C]: the memory order, so nothing moves. A weight that another framework
/// trained on C, H, W order has to be permuted when it is imported.
class Flatten final : public Module {
 public:
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;
};

/// [N, C] to [N, C, 1, 1]: numbers as an image of one pixel, such as the factors of
/// squeeze-and-excitation.
class Unflatten final : public Module {
 public:
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;
};

/// Two or more inputs joined along the channels: [N, C_i, H, W] to [N, sum of C_i, H, W], or [N, C_i]
/// to [N, sum of C_i].
///
/// It has no slot for a quantizer, as it computes nothing. The quantizer that reads its output
/// decides the grid, so that all inputs share one scale by themselves.
class Concat final : public Module {
 public:
  Layer as_layer() override { return this; }

 protected:
  Variable combine(std::span<const Variable> inputs) override;
};

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
  /// One without zeros is not in the graph.
  ValueId lower(Graph& graph, std::vector<ValueId> inputs) override;
  bool pads_channels() const { return sizes_.channels_before > 0 || sizes_.channels_after > 0; }
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;

 private:
  PadSizes sizes_;
};

}  // namespace quench
