#include "experiments/report/png.h"

#include <algorithm>

#include "datasets/resize.h"
#include "support/error.h"

#define STBI_WRITE_NO_STDIO
#define STB_IMAGE_WRITE_STATIC
#define STB_IMAGE_WRITE_IMPLEMENTATION
// Third-party code: unused functions, implicit conversions.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

namespace quench::experiments::report {
namespace {

void append(void* target, void* data, int size) {
  auto& bytes = *static_cast<std::vector<std::uint8_t>*>(target);
  const auto* begin = static_cast<const std::uint8_t*>(data);
  bytes.insert(bytes.end(), begin, begin + size);
}

}  // namespace

std::string base64(std::span<const std::uint8_t> bytes) {
  constexpr const char* kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t rest = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < rest ? std::uint32_t{bytes[i + k]} : 0u);
    for (std::size_t k = 0; k < 4; ++k)
      text += k <= rest ? kDigits[group >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

std::vector<std::uint8_t> encode_png(const datasets::ImageShape& shape,
                                     std::span<const std::uint8_t> pixels) {
  require((shape.channels == 1 || shape.channels == 3) && shape.height > 0 && shape.width > 0,
          "png: expected an image of 1 or 3 channels, got {}x{}x{}", shape.channels, shape.height,
          shape.width);
  require(pixels.size() == shape.bytes(), "png: expected {} bytes of pixels, got {}", shape.bytes(),
          pixels.size());
  std::vector<std::uint8_t> file;
  const int written = stbi_write_png_to_func(append, &file, shape.width, shape.height,
                                             shape.channels, pixels.data(), 0);
  if (written == 0) fail("png: cannot encode the image");
  return file;
}

std::string image_address(const datasets::ImageShape& shape, std::span<const std::uint8_t> pixels,
                          int longest) {
  require(pixels.size() == shape.bytes(), "png: expected {} bytes of pixels, got {}", shape.bytes(),
          pixels.size());
  const int side = std::max(shape.height, shape.width);
  if (side <= longest) return "data:image/png;base64," + base64(encode_png(shape, pixels));
  const auto reduced = [&](int size) { return std::max(1, size * longest / side); };
  const datasets::ImageShape small{shape.channels, reduced(shape.height), reduced(shape.width)};
  std::vector<std::uint8_t> smaller(small.bytes());
  datasets::resize({.pixels = pixels.data(),
                    .width = shape.width,
                    .height = shape.height,
                    .channels = shape.channels,
                    .stride = std::ptrdiff_t{shape.width} * shape.channels},
                   small.width, small.height, {0, 0, small.width, small.height}, smaller.data());
  return "data:image/png;base64," + base64(encode_png(small, smaller));
}

}  // namespace quench::experiments::report
