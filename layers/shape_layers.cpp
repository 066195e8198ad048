#include "layers/shape_layers.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "autograd/shape_ops.h"
#include "support/error.h"

namespace quench {

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

namespace {

/// What is above 0.
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

}  // namespace quench
