#include "layers/initialize.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/error.h"

namespace quench {
namespace {

double fan(const Shape& shape, int axis) {
  require(shape.rank() == 2 || shape.rank() == 4,
          "initialize: expected a weight [O, I] or [O, I/groups, KH, KW], got {}",
          shape.to_string());
  const std::int64_t kernel = shape.rank() == 4 ? shape[2] * shape[3] : 1;
  return static_cast<double>(shape[axis] * kernel);
}

template <typename Draw>
Tensor fill(const Shape& shape, Draw draw) {
  std::vector<float> values(static_cast<std::size_t>(shape.numel()));
  std::ranges::generate(values, draw);
  return Tensor::from_row_major(shape, values);
}

}  // namespace

Tensor glorot_uniform(const Shape& shape, Random& random) {
  const auto limit = static_cast<float>(std::sqrt(6.0 / (fan(shape, 0) + fan(shape, 1))));
  return fill(shape, [&] { return random.uniform(-limit, limit); });
}

Tensor he_normal(const Shape& shape, Random& random) {
  const auto deviation = static_cast<float>(std::sqrt(2.0 / fan(shape, 1)));
  return fill(shape, [&] { return deviation * random.normal(); });
}

}  // namespace quench
