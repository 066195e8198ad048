#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/ops/interpolate.h"
#include "core/ops/rearrange.h"
#include "core/ops/window.h"
#include "layers/module.h"

namespace quench::layers {

/// [N, C, H, W] to [N, H*W*C]: the memory order, so nothing moves. A weight trained on C, H, W
/// order in another framework has to be permuted on import.
class Flatten final : public Module {
 public:
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;
};

/// [N, C] to [N, C, 1, 1]: an image of one pixel, such as the factors of squeeze-and-excitation.
class Unflatten final : public Module {
 public:
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;
};

/// Concatenates two or more inputs along the channels: [N, C_i, H, W] to [N, sum of C_i, H, W], or
/// [N, C_i] to [N, sum of C_i].
///
/// It computes nothing, so it has no slot for a quantizer. The quantizer that reads its output
/// decides the grid, so all inputs share one scale.
class Concat final : public Module {
 public:
  Layer as_layer() override { return this; }

 protected:
  Variable combine(std::span<const Variable> inputs) override;
};

/// Selects channels of [N, C] or [N, C, H, W] by index, in the given order: a slice, one output of
/// a split, a shuffle.
///
/// It computes nothing, so it has no slot for a quantizer.
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

/// Repeats each pixel of [N, C, H, W] as a block of rows and columns: nearest-neighbour upsampling.
///
/// It computes nothing, so it has no slot for a quantizer.
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

/// Selects rows and columns of [N, C, H, W] by index, in the given order, possibly repeated: an
/// image mirrored, extended at its edges, or resized by nearest pixels.
///
/// It computes nothing, so it has no slot for a quantizer.
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

/// Resizes [N, C, H, W]; each pixel of the result interpolates four pixels of the image. How
/// coordinates map is a convention; these are ONNX's.
class BilinearResize final : public Module {
 public:
  enum class Coordinates : std::uint8_t {
    half_pixel,          ///< (i + 1/2) / scale - 1/2
    pytorch_half_pixel,  ///< the same, but 0 if the result has a single row or column
    align_corners,       ///< i (size - 1) / (result - 1)
    asymmetric,          ///< i / scale
  };

  struct Options {
    std::array<std::int64_t, 2> size{1, 1};  ///< rows and columns of the result
    std::array<float, 2> scale{1.0f, 1.0f};  ///< divisors of the coordinates
    Coordinates coordinates = Coordinates::half_pixel;
  };
  /// @throws std::invalid_argument  for sizes below 1 or scales that are not above 0
  explicit BilinearResize(const Options& options);
  const Options& options() const { return options_; }
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;

 private:
  std::vector<Between> positions(std::size_t axis, std::int64_t size) const;

  Options options_;
};

/// The position of row (axis 0) or column (axis 1) `i` of the result in an image of `size`; it may
/// lie outside. Computed in float32, as other runtimes do.
float source_place(const BilinearResize::Options& options, std::size_t axis, std::int64_t i,
                   std::int64_t size);

/// Reorders the values of each image: a reshape, a transpose, depth to space, space to depth.
///
/// It computes nothing, so it has no slot for a quantizer.
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

/// The number of zeros that Pad adds.
struct PadSizes {
  std::int64_t channels_before = 0, channels_after = 0;  ///< each >= 0
  Padding image{};                                       ///< rows and columns; negative values crop

  bool operator==(const PadSizes&) const = default;
};

/// Pads [N, C, H, W] with zeros, as channels before and after and as rows and columns; or [N, C]
/// with channels only. Zero channels adapt a shortcut without parameters to more channels (He et
/// al. 2015, section 4.2, option A).
class Pad final : public Module {
 public:
  /// @throws std::invalid_argument  for a negative number of channels
  explicit Pad(const PadSizes& sizes);
  const PadSizes& sizes() const { return sizes_; }
  /// A Pad without zeros does not appear in the graph.
  ValueId lower(Graph& graph, std::vector<ValueId> inputs) override;
  bool pads_channels() const { return sizes_.channels_before > 0 || sizes_.channels_after > 0; }
  /// Whether it adds any zeros, or only crops.
  bool adds_zeros() const;
  Layer as_layer() override { return this; }

 protected:
  Variable forward(const Variable& input) override;

 private:
  PadSizes sizes_;
};

}  // namespace quench::layers
