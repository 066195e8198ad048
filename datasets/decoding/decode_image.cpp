#include "datasets/decoding/decode_image.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "datasets/decoding/exif.h"
#include "datasets/decoding/jpeg_decoder.h"
#include "datasets/decoding/png_decoder.h"
#include "datasets/decoding/stb_decoder.h"
#include "support/error.h"
#include "support/file.h"

namespace quench::datasets {
namespace {

using Bytes = std::span<const std::uint8_t>;

enum class FileFormat { jpeg, png, bmp, other };

bool begins_with(Bytes bytes, std::string_view magic) {
  return bytes.size() >= magic.size() &&
         std::equal(magic.begin(), magic.end(), bytes.begin(),
                    [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
}

FileFormat format_of(Bytes bytes) {
  if (begins_with(bytes, "\xff\xd8\xff")) return FileFormat::jpeg;
  if (begins_with(bytes, "\x89PNG\r\n\x1a\n")) return FileFormat::png;
  if (begins_with(bytes, "BM")) return FileFormat::bmp;
  return FileFormat::other;
}

void check_size(const ImageSize& size, const DecodeOptions& options) {
  if (size.width < 1 || size.height < 1) fail("an image of {} x {}", size.width, size.height);
  if (std::int64_t{size.width} * size.height > options.max_pixels) {
    fail("{} x {} is more than {} pixels; raise data.max_pixels to allow it", size.width,
         size.height, options.max_pixels);
  }
}

Image decode_jpeg(Bytes bytes, const DecodeOptions& options) {
  JpegDecoder decoder(bytes);
  check_size(decoder.size(), options);
  const Image image = decoder.decode();
  return options.exif_rotation ? oriented(image, decoder.orientation()) : image;
}

std::int64_t little_endian(Bytes bytes, std::size_t at, int count) {
  std::int64_t value = 0;
  for (int i = count - 1; i >= 0; --i) {
    value = value << 8 | bytes[at + static_cast<std::size_t>(i)];
  }
  return value;
}

/// The decoder silently reads missing bytes as zeros.
void check_bmp(Bytes bytes, const ImageSize& size) {
  constexpr std::size_t kOffsetAt = 10, kHeaderSizeAt = 14, kOldBitsAt = 24, kBitsAt = 28;
  constexpr std::int64_t kOldHeader = 12;
  if (bytes.size() < kBitsAt + 2) fail("truncated: the BMP has only {} bytes", bytes.size());
  const bool old = little_endian(bytes, kHeaderSizeAt, 4) == kOldHeader;
  const std::int64_t bits = little_endian(bytes, old ? kOldBitsAt : kBitsAt, 2);
  const std::int64_t row = (size.width * bits + 31) / 32 * 4;
  const std::int64_t needed = little_endian(bytes, kOffsetAt, 4) + row * size.height;
  if (static_cast<std::int64_t>(bytes.size()) < needed)
    fail("truncated: the BMP needs {} bytes, got {}", needed, bytes.size());
}

/// No valid file of an image with max_pixels is larger.
std::uintmax_t largest_file(const DecodeOptions& options) {
  constexpr std::uintmax_t kHeaders = 1 << 20, kBytesPerPixel = 8;
  // stb_image uses int for sizes.
  return std::min<std::uintmax_t>(
      kHeaders + kBytesPerPixel * static_cast<std::uintmax_t>(options.max_pixels), 0x7fffffff);
}

Image decode_png(Bytes bytes, const DecodeOptions& options) {
  PngDecoder decoder(bytes);
  check_size(decoder.size(), options);
  return decoder.decode();
}

Image decode_bmp(Bytes bytes, const DecodeOptions& options) {
  ImageSize size;
  std::string reason;
  if (!stb_size(bytes, size, reason)) fail("damaged or not supported ({})", reason);
  check_size(size, options);
  check_bmp(bytes, size);
  Image image;
  if (!stb_decode(bytes, image, reason)) fail("damaged or not supported ({})", reason);
  return image;
}

}  // namespace

Image decode_image(Bytes bytes, const DecodeOptions& options) {
  if (bytes.empty()) fail("the file is empty");
  if (bytes.size() > largest_file(options))
    fail("the file has {} bytes, too many for an image of at most {} pixels", bytes.size(),
         options.max_pixels);
  switch (format_of(bytes)) {
    case FileFormat::jpeg:
      return decode_jpeg(bytes, options);
    case FileFormat::png:
      return decode_png(bytes, options);
    case FileFormat::bmp:
      return decode_bmp(bytes, options);
    case FileFormat::other:
      break;
  }
  fail("not a JPEG, PNG or BMP file");
}

Image decode_image_file(const std::filesystem::path& path, const DecodeOptions& options) {
  const std::vector<std::byte> bytes = read_file(path, largest_file(options));
  try {
    return decode_image({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()},
                        options);
  } catch (const std::exception& error) {  // including std::bad_alloc
    fail("{}: {}", path.string(), error.what());
  }
}

}  // namespace quench::datasets
