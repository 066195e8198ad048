#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace quench::datasets {

/// A rectangle of pixels of an image.
struct Box {
  int x = 0;  ///< left column
  int y = 0;  ///< top row
  int width = 0;
  int height = 0;
  bool operator==(const Box&) const = default;
};

/// Width and height from a file's header, before any pixel is decoded.
struct ImageSize {
  int width = 0;
  int height = 0;
};

/// Borrowed bytes H, W, C; other pixels may follow a row.
struct ImageView {
  const std::uint8_t* pixels = nullptr;
  int width = 0;
  int height = 0;
  int channels = 0;
  std::ptrdiff_t stride = 0;  ///< bytes from one row to the next

  const std::uint8_t* row(int y) const { return pixels + y * stride; }

  /// The part `box`, which must lie inside.
  ImageView part(const Box& box) const {
    return {row(box.y) + std::ptrdiff_t{box.x} * channels, box.width, box.height, channels, stride};
  }
};

/// The nearest byte to a value from 0 to 255; halves round up.
inline std::uint8_t to_byte(float value) {
  return static_cast<std::uint8_t>(std::floor(value + 0.5f));
}

/// A decoded image, RGB; copies share the pixels.
struct Image {
  static constexpr int kChannels = 3;

  int width = 0;
  int height = 0;
  std::shared_ptr<const std::uint8_t[]> pixels;  ///< [H, W, 3]

  std::size_t bytes() const {
    return static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * kChannels;
  }
  ImageView view() const {
    return {pixels.get(), width, height, kChannels, std::ptrdiff_t{width} * kChannels};
  }
};

}  // namespace quench::datasets
