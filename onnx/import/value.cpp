#include "onnx/import/value.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "support/error.h"

namespace quench::onnx {

std::vector<std::int64_t> Value::dims() const {
  if (viewed()) return view;
  if (flat()) return {channels};
  const bool last = layout == Layout::channels_last;
  if (line) return last ? std::vector{width, channels} : std::vector{channels, width};
  return last ? std::vector{height, width, channels} : std::vector{channels, height, width};
}

std::string Value::text() const { return fmt::format("[N, {}]", fmt::join(dims(), ", ")); }

Value with_view(Value value, const std::vector<std::int64_t>& dims) {
  value.view.clear();
  if (dims == value.dims()) return value;
  const bool one_order = value.channels == 1 || value.height * value.width == 1;
  std::vector layouts{value.layout};
  if (!value.flat() && one_order)
    layouts.push_back(value.layout == Layout::channels_first ? Layout::channels_last
                                                             : Layout::channels_first);
  for (const Layout layout : layouts) {
    for (const bool line : {false, true}) {
      Value other = value;
      other.layout = layout;
      other.line = line && !value.flat() && value.height == 1;
      if (dims == other.dims()) return other;
    }
  }
  value.view = dims;
  return value;
}

Value image_value(const std::vector<std::int64_t>& dims, Layout layout) {
  const bool last = layout == Layout::channels_last, line = dims.size() == 2;
  expect(line || dims.size() == 3, "onnx: expected 2 or 3 dims of an image, got {}", dims.size());
  return {.layout = layout,
          .channels = last ? dims.back() : dims.front(),
          .height = line ? 1 : dims[last ? 0 : 1],
          .width = line ? dims[last ? 0 : 1] : dims[last ? 1 : 2],
          .line = line};
}

Value flat_value(std::int64_t features) {
  return {.layout = Layout::flat, .channels = features, .blocks = {{.channels = features}}};
}

Value flattened(const Value& image) {
  const std::int64_t pixels = image.height * image.width;
  Value result = flat_value(image.numel());
  result.id = image.id;
  result.probabilities = image.probabilities;
  result.grid = image.grid;
  result.codes = image.codes;
  if (image.flat() || pixels == 1) {
    if (!image.blocks.empty()) result.blocks = image.blocks;
    return result;
  }
  require(same_order(image), "expected channels in quench's order, got {} of features",
          image.text());
  if (image.layout == Layout::channels_first)
    result.blocks = {{.channels = image.channels, .pixels = pixels}};
  return result;
}

bool same_order(const Value& value) {
  return std::ranges::all_of(value.blocks, [](const FeatureBlock& b) { return b.pixels == 1; });
}

bool same_order(const Value& a, const Value& b) {
  return a.blocks == b.blocks || (same_order(a) && same_order(b));
}

std::vector<float> in_order(const Value& value, std::vector<float> per_channel) {
  if (same_order(value)) return per_channel;
  std::vector<float> result;
  result.reserve(per_channel.size());
  auto from = per_channel.begin();
  for (const FeatureBlock& block : value.blocks) {
    for (std::int64_t pixel = 0; pixel < block.pixels; ++pixel) {
      for (std::int64_t channel = 0; channel < block.channels; ++channel)
        result.push_back(from[channel * block.pixels + pixel]);
    }
    from += block.channels * block.pixels;
  }
  return result;
}

}  // namespace quench::onnx
