#pragma once

// Private to the folder: describes the graph's tensors while a network is built.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/ops/window.h"
#include "layers/graph.h"
#include "quant/grid.h"

namespace quench::onnx {

/// The order of an activation's dims in ONNX.
enum class Layout : std::uint8_t {
  channels_first,  ///< [N, C, H, W]
  channels_last,   ///< [N, H, W, C]
  flat,            ///< [N, F]
};

/// Features of a flattened channels-first image with this many pixels. ONNX orders them by channel,
/// quench by pixel.
struct FeatureBlock {
  std::int64_t channels = 0, pixels = 1;
  bool operator==(const FeatureBlock&) const = default;
};

/// An activation. In quench it is always a tensor [N, C, H, W] in channels-last memory, or [N, F].
/// Layouts, views and blocks only describe the graph's view of the same values.
struct Value {
  layers::ValueId id = layers::Graph::kInput;
  Layout layout = Layout::channels_first;
  std::int64_t channels = 0;  ///< F if flat
  std::int64_t height = 1, width = 1;
  bool line = false;  ///< an image of one row, without that axis in ONNX: [N, C, L], [N, L, C]
  /// The graph's dims after the batch, if they differ from the layout's: [N, C, H*W], [N, F, 1].
  /// Values are in the layout's order. A layer that needs an image converts it.
  std::vector<std::int64_t> view = {};
  /// The blocks of the F features, or of the channels made from them. Empty if the orders agree.
  std::vector<FeatureBlock> blocks = {};
  Padding padding{};        ///< pending zero padding, not yet added by a module
  bool pads_least = false;  ///< pad with the lowest value instead
  /// Pending repetition of each pixel in rows and columns, not yet done by a module.
  std::array<std::int64_t, 2> repeated{1, 1};
  bool probabilities = false;  ///< the output of a removed Softmax
  /// All images in one row, which a Gather or Reshape splits again.
  bool joins_batch = false;
  /// Pending rounding to this grid, by the quantizers of the readers.
  std::optional<quant::QuantGrid> grid = {};
  bool codes = false;  ///< codes of that grid, for a DequantizeLinear

  std::int64_t numel() const { return channels * height * width; }
  bool flat() const { return layout == Layout::flat; }
  bool viewed() const { return !view.empty(); }
  bool padded() const { return padding != Padding{}; }
  bool repeats() const { return repeated != std::array<std::int64_t, 2>{1, 1}; }
  /// The rank of its layout, counting the batch.
  int rank() const { return flat() ? 2 : line ? 3 : 4; }
  int channel_axis() const { return layout == Layout::channels_last ? rank() - 1 : 1; }
  /// ONNX's dims, without the batch.
  std::vector<std::int64_t> dims() const;
  std::string text() const;  ///< "[N, 64, 7, 7]"
};

/// The value viewed with other dims after the batch; number and order of values stay the same.
Value with_view(Value value, const std::vector<std::int64_t>& dims);
/// An image with the dims [C, H, W] or [C, L], ordered as in `layout`; other members have their
/// defaults.
Value image_value(const std::vector<std::int64_t>& dims, Layout layout);
/// F features in the same order in ONNX and quench.
Value flat_value(std::int64_t features);
/// The flattened image. @throws std::invalid_argument  for several pixels with reordered channels
Value flattened(const Value& image);
/// Whether ONNX and quench order the value's features the same way.
bool same_order(const Value& value);
/// Whether two values of one size order their features the same way.
bool same_order(const Value& a, const Value& b);
/// Reorders per-channel values from ONNX's order to quench's.
std::vector<float> in_order(const Value& value, std::vector<float> per_channel);

}  // namespace quench::onnx
