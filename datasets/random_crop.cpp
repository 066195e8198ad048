#include "datasets/random_crop.h"

#include <algorithm>
#include <cmath>

#include "support/error.h"

namespace quench::datasets {
namespace {

double uniform(double low, double high, Random& random) {
  return low + (high - low) * static_cast<double>(random.uniform());
}

int offset(int room, Random& random) {
  return static_cast<int>(random.below(static_cast<std::uint32_t>(room + 1)));
}

/// As large as it gets with a ratio inside the bounds.
Box middle(int width, int height, double min_ratio, double max_ratio) {
  const double ratio = std::clamp(static_cast<double>(width) / height, min_ratio, max_ratio);
  const auto rounded = [](double side, int limit) {
    return std::clamp(static_cast<int>(std::lround(side)), 1, limit);
  };
  Box box{.width = rounded(height * ratio, width), .height = rounded(width / ratio, height)};
  box.x = (width - box.width) / 2;
  box.y = (height - box.height) / 2;
  return box;
}

}  // namespace

void RandomCrop::validate() const {
  require(min_scale > 0.0 && min_scale <= max_scale && max_scale <= 1.0,
          "random_crop: expected scales 0 < min <= max <= 1, got {} and {}", min_scale, max_scale);
  require(min_ratio > 0.0 && min_ratio <= max_ratio && std::isfinite(max_ratio),
          "random_crop: expected ratios 0 < min <= max, got {} and {}", min_ratio, max_ratio);
}

Box RandomCrop::draw(int width, int height, Random& random) const {
  constexpr int kTries = 10;
  const double area = static_cast<double>(width) * height;
  for (int i = 0; i < kTries; ++i) {
    const double target = area * uniform(min_scale, max_scale, random);
    const double ratio = std::exp(uniform(std::log(min_ratio), std::log(max_ratio), random));
    Box box{.width = static_cast<int>(std::lround(std::sqrt(target * ratio))),
            .height = static_cast<int>(std::lround(std::sqrt(target / ratio)))};
    if (box.width < 1 || box.width > width || box.height < 1 || box.height > height) continue;
    box.y = offset(height - box.height, random);
    box.x = offset(width - box.width, random);
    return box;
  }
  return middle(width, height, min_ratio, max_ratio);
}

}  // namespace quench::datasets
