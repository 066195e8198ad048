#include "core/ops/split_sums.h"

#include <cmath>

#include "core/ops/elementwise.h"

namespace quench {

Tensor split_sums(const Tensor& weight, const std::function<Tensor(const Tensor& half)>& product) {
  constexpr float kRadix = 16.0f;
  const Tensor high = map(weight, [](float w) { return std::nearbyint(w / kRadix); });
  const Tensor low = zip(weight, high, [](float w, float h) { return w - kRadix * h; });
  return zip(product(high), product(low), [](float h, float l) {
    return static_cast<float>(static_cast<double>(kRadix) * static_cast<double>(h) +
                              static_cast<double>(l));
  });
}

}  // namespace quench
