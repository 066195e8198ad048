#include "core/shape.h"

#include "support/error.h"

namespace quench {

Shape::Shape(std::span<const std::int64_t> sizes) : rank_(static_cast<int>(sizes.size())) {
  require(sizes.size() <= kMaxRank, "shape: expected at most {} sizes, got {}", +kMaxRank,
          sizes.size());
  // The bound keeps numel() * sizeof(double) far from overflow, whatever a file claims.
  constexpr std::int64_t kMaxElements = std::int64_t{1} << 48;
  std::int64_t numel = 1;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    require(sizes[i] >= 0, "shape: expected sizes >= 0, got {} at axis {}", sizes[i], i);
    require(sizes[i] == 0 || numel <= (kMaxElements - 1) / sizes[i],
            "shape: expected fewer than 2^48 elements, got more at axis {}", i);
    numel *= sizes[i] == 0 ? 1 : sizes[i];
    sizes_[i] = sizes[i];
  }
}

std::int64_t Shape::numel() const {
  std::int64_t product = 1;
  for (const std::int64_t size : sizes()) product *= size;
  return product;
}

Shape Shape::with(int axis, std::int64_t size) const {
  Shape other = *this;
  other.sizes_[static_cast<std::size_t>(axis)] = size;
  return Shape(other.sizes());  // repeats the checks, for the new size
}

std::string Shape::to_string() const {
  std::string text = "[";
  for (const std::int64_t size : sizes()) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(size);
  }
  return text + "]";
}

}  // namespace quench
