#include "datasets/stb_decoder.h"

#include <string.h>  // before memcpy gets another meaning

#include <cstdlib>
#include <limits>

namespace {

// Decoding happens within one call on one thread, so that its limit can wait here.
thread_local std::size_t largest_block = std::numeric_limits<std::size_t>::max();

void* allocate(std::size_t bytes) { return bytes > largest_block ? nullptr : std::malloc(bytes); }

void* reallocate(void* block, std::size_t bytes) {
  return bytes > largest_block ? nullptr : std::realloc(block, bytes);
}

/// A PNG whose first piece of data is empty copies nothing to nowhere, which memcpy() does not allow.
void* copy(void* to, const void* from, std::size_t bytes) {
  return bytes == 0 ? to : memcpy(to, from, bytes);
}

}  // namespace

#define STBI_MALLOC(bytes) allocate(bytes)
#define STBI_REALLOC(block, bytes) reallocate(block, bytes)
#define STBI_FREE(block) std::free(block)
#define STBI_ONLY_PNG
#define STBI_ONLY_BMP
#define STBI_NO_STDIO
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
// Others' code: its functions that nobody calls here, and its conversions.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#define memcpy(to, from, bytes) copy(to, from, bytes)
#include <stb/stb_image.h>
#undef memcpy
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
  // A BMP whose rows run downwards; its lowest number has no opposite.
  if (size.height < 0)
    size.height = size.height == std::numeric_limits<int>::min() ? 0 : -size.height;
  return true;
}

bool stb_decode(std::span<const std::uint8_t> bytes, std::size_t limit, Image& image,
                std::string& reason) {
  largest_block = limit;
  int components = 0;
  std::uint8_t* pixels = stbi_load_from_memory(bytes.data(), length_of(bytes), &image.width,
                                               &image.height, &components, Image::kChannels);
  largest_block = std::numeric_limits<std::size_t>::max();
  if (pixels == nullptr) return explain(reason);
  image.pixels = std::shared_ptr<const std::uint8_t[]>(
      pixels, [](const std::uint8_t* block) { std::free(const_cast<std::uint8_t*>(block)); });
  return true;
}

}  // namespace quench::datasets
