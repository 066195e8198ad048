#include "layers/shape_layers.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "autograd/shape_ops.h"
#include "support/error.h"

namespace quench::layers {

Variable Flatten::forward(const Variable& input) { return flatten(input); }

Variable Unflatten::forward(const Variable& input) {
  require(input.shape().rank() == 2, "{}: expected [N, C], got {}", name(),
          input.shape().to_string());
  return reshape(input, {input.shape()[0], input.shape()[1], 1, 1});
}

Variable Concat::combine(std::span<const Variable> inputs) { return concat(inputs, 1); }

SelectChannels::SelectChannels(std::vector<std::int64_t> channels)
    : channels_(std::move(channels)) {
  require(!channels_.empty() && std::ranges::min(channels_) >= 0,
          "select_channels: expected at least one channel, counted from 0, got {}",
          channels_.empty() ? "none" : "a negative number");
}

Variable SelectChannels::forward(const Variable& input) {
  return select_channels(input, channels_);
}

Upsample::Upsample(std::array<int, 2> factor) : factor_(factor) {
  require(std::min(factor[0], factor[1]) >= 1,
          "upsample: expected factors of at least 1, got {}x{}", factor[0], factor[1]);
}

Variable Upsample::forward(const Variable& input) { return upsample(input, factor_); }

SelectPixels::SelectPixels(std::vector<std::int64_t> rows, std::vector<std::int64_t> columns)
    : rows_(std::move(rows)), columns_(std::move(columns)) {
  for (const auto* indices : {&rows_, &columns_})
    require(!indices->empty() && std::ranges::min(*indices) >= 0,
            "select_pixels: expected at least one row and column, counted from 0, got {}",
            indices->empty() ? "none" : "a negative number");
}

Variable SelectPixels::forward(const Variable& input) {
  return select_pixels(input, rows_, columns_);
}

BilinearResize::BilinearResize(const Options& options) : options_(options) {
  for (std::size_t axis = 0; axis < 2; ++axis)
    require(options.size[axis] >= 1 && options.scale[axis] > 0.0f,
            "bilinear_resize: expected sizes of at least 1 and scales above 0, got {} and {}",
            options.size[axis], options.scale[axis]);
}

float source_place(const BilinearResize::Options& options, std::size_t axis, std::int64_t i,
                   std::int64_t size) {
  using Coordinates = BilinearResize::Coordinates;
  const std::int64_t count = options.size[axis];
  const float scale = options.scale[axis];
  const auto x = static_cast<float>(i);
  const auto half_pixel = [=] { return (x + 0.5f) / scale - 0.5f; };
  switch (options.coordinates) {
    case Coordinates::align_corners:
      return count == 1 ? 0.0f : x * static_cast<float>(size - 1) / static_cast<float>(count - 1);
    case Coordinates::asymmetric:
      return x / scale;
    case Coordinates::pytorch_half_pixel:
      return count == 1 ? 0.0f : half_pixel();
    case Coordinates::half_pixel:
      break;
  }
  return half_pixel();
}

std::vector<Between> BilinearResize::positions(std::size_t axis, std::int64_t size) const {
  std::vector<Between> result;
  for (std::int64_t i = 0; i < options_.size[axis]; ++i) {
    const float at =
        std::clamp(source_place(options_, axis, i, size), 0.0f, static_cast<float>(size - 1));
    const auto first = static_cast<std::int64_t>(at);
    result.push_back({first, std::min(first + 1, size - 1), at - static_cast<float>(first)});
  }
  return result;
}

Variable BilinearResize::forward(const Variable& input) {
  require(input.shape().rank() == 4, "{}: expected [N, C, H, W], got {}", name(),
          input.shape().to_string());
  return interpolate(input, positions(0, input.shape()[2]), positions(1, input.shape()[3]));
}

Rearrange::Rearrange(Rearrangement rearrangement) : rearrangement_(std::move(rearrangement)) {
  check_rearrangement(rearrangement_);
}

Variable Rearrange::forward(const Variable& input) { return rearrange(input, rearrangement_); }

namespace {

/// The positive part of each side.
Padding zeros_of(const Padding& size) {
  return {std::max(size.top, 0), std::max(size.left, 0), std::max(size.bottom, 0),
          std::max(size.right, 0)};
}

Variable pad_channels(const Variable& input, std::int64_t before, std::int64_t after) {
  std::vector<Variable> parts;
  const auto zeros = [&](std::int64_t channels) {
    if (channels > 0) parts.emplace_back(Tensor::zeros(input.shape().with(1, channels)));
  };
  zeros(before);
  parts.push_back(input);
  zeros(after);
  return concat(parts, 1);
}

}  // namespace

Pad::Pad(const PadSizes& sizes) : sizes_(sizes) {
  require(std::min(sizes.channels_before, sizes.channels_after) >= 0,
          "pad: expected at least 0 channels, got {} and {}", sizes.channels_before,
          sizes.channels_after);
}

bool Pad::adds_zeros() const { return pads_channels() || zeros_of(sizes_.image) != Padding{}; }

ValueId Pad::lower(Graph& graph, std::vector<ValueId> inputs) {
  return sizes_ == PadSizes{} ? inputs.at(0) : Module::lower(graph, std::move(inputs));
}

Variable Pad::forward(const Variable& input) {
  const Padding &size = sizes_.image, zeros = zeros_of(size);
  const Padding cut = zeros_of({-size.top, -size.left, -size.bottom, -size.right});
  Variable image = input;
  if (cut != Padding{}) image = crop(image, cut);
  if (zeros != Padding{}) image = pad(image, zeros);
  if (!pads_channels()) return image;
  return pad_channels(image, sizes_.channels_before, sizes_.channels_after);
}

}  // namespace quench::layers
