#include "core/ops/finite.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/ops/reduce.h"

namespace quench {

std::string first_non_finite(std::span<const float> values, std::span<const std::int64_t> sizes) {
  const auto found =
      std::ranges::find_if(values, [](float value) { return !std::isfinite(value); });
  if (found == values.end()) return "";
  std::vector<std::int64_t> position(sizes.size());
  std::int64_t index = found - values.begin();
  for (std::size_t axis = sizes.size(); axis-- > 0; index /= sizes[axis])
    position[axis] = index % sizes[axis];
  return fmt::format("{} at [{}]", *found, fmt::join(position, ", "));
}

std::string first_non_finite(const Tensor& tensor) {
  if (tensor.dtype() != DType::f32 || all_finite(tensor)) return "";
  return first_non_finite(tensor.to_row_major(), tensor.shape().sizes());
}

}  // namespace quench
