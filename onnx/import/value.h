#pragma once

// Private to the folder: what the graph's tensors are while a network is built.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/ops/window.h"
#include "layers/graph.h"
#include "quant/grid.h"

namespace quench::onnx_network {

/// How ONNX writes the dims of an activation.
enum class Layout : std::uint8_t {
  channels_first,  ///< [N, C, H, W]
  channels_last,   ///< [N, H, W, C]
  flat,            ///< [N, F]
};

/// Features that were a channels-first image of so many pixels: ONNX counts them channel by channel,
/// quench pixel by pixel.
struct FeatureBlock {
  std::int64_t channels = 0, pixels = 1;
  bool operator==(const FeatureBlock&) const = default;
};

/// An activation. In quench it is a tensor [N, C, H, W] in channels-last memory, or [N, F], whatever
/// its layout says: layouts, views and blocks are names for the same numbers.
struct Value {
  ValueId id = Graph::kInput;
  Layout layout = Layout::channels_first;
  std::int64_t channels = 0;  ///< of a flat one, F
  std::int64_t height = 1, width = 1;
  bool line = false;  ///< of one row, whose axis ONNX leaves out: [N, C, L], [N, L, C]
  /// The dims that the graph gives it behind the batch, where they are not those of the layout, in whose
  /// order the numbers are: [N, C, H*W], [N, F, 1]. A layer that needs an image of them makes it.
  std::vector<std::int64_t> view = {};
  /// Of features, or of the channels that they became: together F. None: one by one.
  std::vector<FeatureBlock> blocks = {};
  Padding padding{};        ///< what lies around, which no module has added yet: zeros
  bool pads_least = false;  ///< or what no maximum is
  /// How many rows and columns each pixel stands for, which no module has made yet.
  std::array<std::int64_t, 2> repeated{1, 1};
  bool probabilities = false;  ///< of a Softmax, which was left out
  /// The numbers of all images in one row, which a Gather or Reshape parts again.
  bool joins_batch = false;
  /// What it is rounded to, by the quantizer of whoever reads it: no module has done it yet.
  std::optional<quant::QuantGrid> grid = {};
  bool codes = false;  ///< of that grid, for a DequantizeLinear to read

  std::int64_t numel() const { return channels * height * width; }
  bool flat() const { return layout == Layout::flat; }
  bool viewed() const { return !view.empty(); }
  bool padded() const { return padding != Padding{}; }
  bool repeats() const { return repeated != std::array<std::int64_t, 2>{1, 1}; }
  /// Of the dims of its layout, with the batch.
  int rank() const { return flat() ? 2 : line ? 3 : 4; }
  int channel_axis() const { return layout == Layout::channels_last ? rank() - 1 : 1; }
  /// As ONNX has them, without the batch.
  std::vector<std::int64_t> dims() const;
  std::string text() const;  ///< "[N, 64, 7, 7]"
};

/// The value under other dims behind the batch, as many numbers in the same order.
Value with_view(Value value, const std::vector<std::int64_t>& dims);
/// [C, H, W] or [C, L] of this layout; the other members stay those of an image without views.
Value image_value(const std::vector<std::int64_t>& dims, Layout layout);
/// F features that both count alike.
Value flat_value(std::int64_t features);
/// The image as features: the value of Flatten. @throws std::invalid_argument  for one of several pixels
/// whose channels are in another order
Value flattened(const Value& image);
/// Whether both count the features of a value alike.
bool same_order(const Value& value);
/// Whether two values of one size count their features alike.
bool same_order(const Value& a, const Value& b);
/// One number for each of the channels as ONNX counts them, as quench counts them.
std::vector<float> in_order(const Value& value, std::vector<float> per_channel);

}  // namespace quench::onnx_network
