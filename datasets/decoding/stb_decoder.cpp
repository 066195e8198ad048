#include "datasets/decoding/stb_decoder.h"

#include <cstdlib>
#include <limits>

#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
// Third-party code: unused functions, implicit conversions.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace quench::datasets {
namespace {

int length_of(std::span<const std::uint8_t> bytes) { return static_cast<int>(bytes.size()); }

bool explain(std::string& reason) {
  const char* said = stbi_failure_reason();
  reason = said != nullptr ? said : "unknown reason";
  return false;
}

}  // namespace

bool stb_size(std::span<const std::uint8_t> bytes, ImageSize& size, std::string& reason) {
  int components = 0;
  const int known =
      stbi_info_from_memory(bytes.data(), length_of(bytes), &size.width, &size.height, &components);
  if (known == 0) return explain(reason);
  // A top-down BMP has a negative height; the smallest int cannot be negated.
  if (size.height < 0)
    size.height = size.height == std::numeric_limits<int>::min() ? 0 : -size.height;
  return true;
}

bool stb_decode(std::span<const std::uint8_t> bytes, Image& image, std::string& reason) {
  int components = 0;
  std::uint8_t* pixels = stbi_load_from_memory(bytes.data(), length_of(bytes), &image.width,
                                               &image.height, &components, Image::kChannels);
  if (pixels == nullptr) return explain(reason);
  image.pixels = std::shared_ptr<const std::uint8_t[]>(
      pixels, [](const std::uint8_t* block) { std::free(const_cast<std::uint8_t*>(block)); });
  return true;
}

}  // namespace quench::datasets
