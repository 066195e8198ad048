#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/ops/interpolate.h"
#include "core/ops/rearrange.h"
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

/// Rows and columns of [N, C, H, W] by their numbers, in the order of these, any of them more than once:
/// an image mirrored, continued at its edges, or resized by its nearest pixels.
///
/// It has no slot for a quantizer, as it computes nothing.
class SelectPixels final : public Module {
 public:
  /// @throws std::invalid_argument  for no rows or columns, or a negative number
  SelectPixels(std::vector<std::int64_t> rows, std::vector<std::int64_t> columns);
  const std::vector<std::int64_t>& rows() const { return rows_; }
  const std::vector<std::int64_t>& columns() const { return columns_; }
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;

 private:
  std::vector<std::int64_t> rows_, columns_;
};

/// [N, C, H, W] at another size, each pixel between four of the image. Where a pixel of the result lies
/// in the image is a matter of convention; these are ONNX's.
class BilinearResize final : public Module {
 public:
  enum class Coordinates : std::uint8_t {
    half_pixel,          ///< (i + 1/2) / scale - 1/2
    pytorch_half_pixel,  ///< the same, but 0 of a single row or column
    align_corners,       ///< i (size - 1) / (result - 1)
    asymmetric,          ///< i / scale
  };

  struct Options {
    std::array<std::int64_t, 2> size{1, 1};  ///< rows and columns of the result
    std::array<float, 2> scale{1.0f, 1.0f};  ///< what its coordinates are divided by
    Coordinates coordinates = Coordinates::half_pixel;
  };
  /// @throws std::invalid_argument  for sizes below 1 or scales that are not above 0
  explicit BilinearResize(const Options& options);
  const Options& options() const { return options_; }
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;

 private:
  std::vector<Between> places(std::size_t axis, std::int64_t size) const;

  Options options_;
};

/// Where row (axis 0) or column (axis 1) `i` of the result lies among the `size` of an image; it may be
/// beyond these. In float32, as other runtimes count.
float source_place(const BilinearResize::Options& options, std::size_t axis, std::int64_t i,
                   std::int64_t size);

/// The values of each image in another order: a reshape, a transpose, pixels that become channels or
/// channels that become pixels.
///
/// It has no slot for a quantizer, as it computes nothing.
class Rearrange final : public Module {
 public:
  /// @throws std::invalid_argument  as check_rearrangement()
  explicit Rearrange(Rearrangement rearrangement);
  const Rearrangement& rearrangement() const { return rearrangement_; }
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;

 private:
  Rearrangement rearrangement_;
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
