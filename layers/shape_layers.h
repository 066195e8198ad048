#pragma once

#include <array>
#include <cstdint>
#include <vector>

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

/// Channels of [N, C] or [N, C, H, W] by their numbers, in the order of these: a slice, a part of a
/// split, a shuffle.
///
/// It has no slot for a quantizer, as it computes nothing.
class SelectChannels final : public Module {
 public:
  /// @throws std::invalid_argument  for no channels or a negative number
  explicit SelectChannels(std::vector<std::int64_t> channels);
  const std::vector<std::int64_t>& channels() const { return channels_; }
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;

 private:
  std::vector<std::int64_t> channels_;
};

/// Each pixel of [N, C, H, W] as a block of so many rows and columns: nearest-neighbour upsampling.
///
/// It has no slot for a quantizer, as it computes nothing.
class Upsample final : public Module {
 public:
  /// @throws std::invalid_argument  for factors below 1
  explicit Upsample(std::array<int, 2> factor);
  std::array<int, 2> factor() const { return factor_; }
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;

 private:
  std::array<int, 2> factor_;
};

/// How many zeros Pad adds.
struct PadSizes {
  std::int64_t channels_before = 0, channels_after = 0;  ///< each >= 0
  Padding image{};  ///< rows and columns; below 0: so many are cut off

  bool operator==(const PadSizes&) const = default;
};

/// Zeros around [N, C, H, W], as channels before and after and as rows and columns; or as channels
/// alone around [N, C]. Channels of zeros fit a shortcut without parameters to more channels (He et
/// al. 2015, section 4.2, option A).
class Pad final : public Module {
 public:
  /// @throws std::invalid_argument  for a negative number of channels
  explicit Pad(const PadSizes& sizes);
  const PadSizes& sizes() const { return sizes_; }
  /// One without zeros is not in the graph.
  ValueId lower(Graph& graph, std::vector<ValueId> inputs) override;
  bool pads_channels() const { return sizes_.channels_before > 0 || sizes_.channels_after > 0; }
  /// Whether there are zeros: it does more than cut off.
  bool adds_zeros() const;
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;

 private:
  PadSizes sizes_;
};

}  // namespace quench
