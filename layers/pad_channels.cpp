#include "layers/pad_channels.h"

#include <vector>

#include "autograd/shape_ops.h"
#include "core/error.h"

namespace quench {

PadChannels::PadChannels(std::int64_t before, std::int64_t after) : before_(before), after_(after) {
  require(before >= 0 && after >= 0, "pad_channels: expected counts >= 0, got {} and {}", before,
          after);
}

Variable PadChannels::forward(const Variable& input) {
  std::vector<Variable> parts;
  const auto zeros = [&](std::int64_t channels) {
    if (channels > 0) parts.emplace_back(Tensor::zeros(input.shape().with(1, channels)));
  };
  zeros(before_);
  parts.push_back(input);
  zeros(after_);
  return concat(parts, 1);
}

}  // namespace quench
