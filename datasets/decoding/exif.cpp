#include "datasets/decoding/exif.h"

#include <cassert>
#include <cstring>
#include <utility>

namespace quench::datasets {
namespace {

/// Reads integers of a TIFF file in the file's byte order; 0 beyond the end.
class Tiff {
 public:
  explicit Tiff(std::span<const std::uint8_t> bytes)
      : bytes_(bytes), big_endian_(!bytes.empty() && bytes[0] == 'M') {}

  unsigned short_at(std::size_t at) const {
    if (at + 2 > bytes_.size()) return 0;
    const unsigned a = bytes_[at], b = bytes_[at + 1];
    return big_endian_ ? a << 8 | b : b << 8 | a;
  }
  std::size_t long_at(std::size_t at) const {
    const std::size_t a = short_at(at), b = short_at(at + 2);
    return big_endian_ ? a << 16 | b : b << 16 | a;
  }

 private:
  std::span<const std::uint8_t> bytes_;
  bool big_endian_;
};

}  // namespace

int exif_orientation(std::span<const std::uint8_t> tiff) {
  constexpr unsigned kMagic = 42, kOrientation = 0x0112, kShort = 3;
  constexpr std::size_t kEntryBytes = 12;
  const Tiff numbers(tiff);
  if (numbers.short_at(2) != kMagic) return 1;
  const std::size_t directory = numbers.long_at(4);
  const unsigned entries = numbers.short_at(directory);
  for (unsigned i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + i * kEntryBytes;
    if (numbers.short_at(entry) != kOrientation) continue;
    const auto value = static_cast<int>(numbers.short_at(entry + 8));
    const bool valid = numbers.short_at(entry + 2) == kShort && value >= 1 && value <= 8;
    return valid ? value : 1;
  }
  return 1;
}

Image oriented(const Image& image, int orientation) {
  assert(orientation >= 1 && orientation <= 8);
  if (orientation == 1) return image;
  // For 5 to 8, the stored rows are the displayed columns. Mirroring refers to the stored image.
  const bool transposed = orientation >= 5;
  const bool from_bottom =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const bool from_right =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const int width = transposed ? image.height : image.width;
  const int height = transposed ? image.width : image.height;
  const auto pixels = std::make_shared_for_overwrite<std::uint8_t[]>(image.bytes());
  const ImageView source = image.view();
  std::uint8_t* output = pixels.get();
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x, output += Image::kChannels) {
      const int row = transposed ? x : y, column = transposed ? y : x;
      const int source_row = from_bottom ? image.height - 1 - row : row;
      const int source_column = from_right ? image.width - 1 - column : column;
      std::memcpy(output, source.row(source_row) + source_column * Image::kChannels,
                  Image::kChannels);
    }
  }
  return {width, height, pixels};
}

}  // namespace quench::datasets
