#pragma once

#include <array>

namespace quench {

/// Rows and columns added around an image, in pixels; each >= 0.
struct Padding {
  int top = 0;
  int left = 0;
  int bottom = 0;
  int right = 0;

  bool operator==(const Padding&) const = default;
};

/// A window that slides over an image: sizes are {height, width} in pixels.
struct Window2d {
  std::array<int, 2> kernel{1, 1};  ///< each >= 1
  std::array<int, 2> stride{1, 1};  ///< each >= 1
  Padding padding{};

  bool operator==(const Window2d&) const = default;
};

}  // namespace quench
