#include "bench/stb_jpeg.h"

#include "support/error.h"

#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
// Third-party code: disables warnings about unused functions and conversions.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

namespace quench::bench {

void decode_with_stb(std::span<const std::byte> file) {
  int width = 0, height = 0, components = 0;
  stbi_uc* pixels =
      stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(file.data()),
                            static_cast<int>(file.size()), &width, &height, &components, 3);
  if (pixels == nullptr) fail("stb_image: {}", stbi_failure_reason());
  stbi_image_free(pixels);
}

}  // namespace quench::bench
