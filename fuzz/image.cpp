#include <stdexcept>

#include "datasets/decoding/decode_image.h"
#include "fuzz/target.h"

using namespace quench;
using namespace quench::datasets;

/// JPEG, PNG and BMP, detected by content. The number of pixels is limited, so that time goes to
/// malformed files.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::may_refuse<std::runtime_error>([&] {
    constexpr std::int64_t kPixels = 1 << 12;
    const Image image = decode_image({data, size}, {.max_pixels = kPixels});
    fuzz::promise(image.width >= 1 && image.height >= 1 &&
                  std::int64_t{image.width} * image.height <= kPixels);
    unsigned sum = 0;  // reads every pixel
    for (std::size_t i = 0; i < image.bytes(); ++i) sum += image.pixels[i];
    fuzz::promise(sum <= 255 * image.bytes());
  });
}
