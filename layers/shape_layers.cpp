#include "layers/shape_layers.h"

#include <algorithm>
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

namespace {

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
  const Padding& image = sizes.image;
  require(std::min(sizes.channels_before, sizes.channels_after) >= 0 &&
              std::min({image.top, image.left, image.bottom, image.right}) >= 0,
          "pad: expected sizes >= 0, got {} and {} channels, top {}, left {}, bottom {}, right {}",
          sizes.channels_before, sizes.channels_after, image.top, image.left, image.bottom,
          image.right);
}

ValueId Pad::lower(Graph& graph, std::vector<ValueId> inputs) {
  return sizes_ == PadSizes{} ? inputs.at(0) : Module::lower(graph, std::move(inputs));
}

Variable Pad::forward(const Variable& input) {
  const bool pads_image = sizes_.image != Padding{};
  const Variable image = pads_image ? pad(input, sizes_.image) : input;
  if (!pads_channels()) return image;
  return pad_channels(image, sizes_.channels_before, sizes_.channels_after);
}

}  // namespace quench
