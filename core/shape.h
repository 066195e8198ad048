#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace quench {

/// The sizes of a tensor by logical axis: [N, C, H, W] for images, [O, I/groups, KH, KW] for
/// weights.
class Shape {
 public:
  static constexpr int kMaxRank = 4;

  Shape() = default;  ///< rank 0: a scalar
  /// @throws std::invalid_argument  for more than kMaxRank sizes, a negative one, or 2^48 elements
  ///                                or more
  Shape(std::initializer_list<std::int64_t> sizes)
      : Shape(std::span<const std::int64_t>(sizes.begin(), sizes.size())) {}
  explicit Shape(std::span<const std::int64_t> sizes);

  int rank() const { return rank_; }
  std::int64_t operator[](int axis) const { return sizes_[static_cast<std::size_t>(axis)]; }
  std::int64_t numel() const;
  std::span<const std::int64_t> sizes() const {
    return {sizes_.data(), static_cast<std::size_t>(rank_)};
  }
  /// The same shape with `size` at `axis`.
  Shape with(int axis, std::int64_t size) const;

  std::string to_string() const;  ///< "[2, 3, 32, 32]"
  bool operator==(const Shape&) const = default;

 private:
  std::array<std::int64_t, kMaxRank> sizes_{};
  int rank_ = 0;
};

}  // namespace quench
