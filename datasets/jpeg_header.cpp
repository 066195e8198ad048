#include "datasets/jpeg_header.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "datasets/exif.h"

namespace quench::datasets {
namespace {

constexpr int kStartOfImage = 0xd8, kEndOfImage = 0xd9;
constexpr int kApp1 = 0xe1, kApp14 = 0xee;

/// 0xff 0x00 is a data byte, and restart markers stand between data.
bool ends_scan(int code) { return code != 0 && code != 0xff && (code < 0xd0 || code > 0xd7); }

bool starts_frame(int code) {
  const bool table = code == 0xc4 || code == 0xc8 || code == 0xcc;
  return code >= 0xc0 && code <= 0xcf && !table;
}

bool starts_with(std::span<const std::uint8_t> bytes, std::string_view text) {
  return bytes.size() >= text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
}

class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) : rest_(bytes) {}

  /// The code of the next marker, passing over what is none; -1 at the end.
  int marker() {
    for (;;) {
      const auto at = std::find(rest_.begin(), rest_.end(), std::uint8_t{0xff});
      if (rest_.end() - at < 2) return -1;
      const int code = at[1];
      rest_ = rest_.subspan(static_cast<std::size_t>(at - rest_.begin()) + (code == 0xff ? 1 : 2));
      if (ends_scan(code)) return code;
    }
  }

  /// What the marker carries, and steps over it; less of it than it says where the file ends.
  std::span<const std::uint8_t> payload() {
    if (rest_.size() < 2) return rest_ = {};
    const std::size_t length = std::max<std::size_t>(2, (std::size_t{rest_[0]} << 8) + rest_[1]);
    const auto payload = rest_.subspan(2, std::min(length, rest_.size()) - 2);
    rest_ = rest_.subspan(std::min(length, rest_.size()));
    return payload;
  }

 private:
  std::span<const std::uint8_t> rest_;
};

}  // namespace

JpegHeader read_jpeg_header(std::span<const std::uint8_t> bytes) {
  using std::literals::string_view_literals::operator""sv;
  JpegHeader header;
  Reader reader(bytes);
  for (int code = reader.marker(); code >= 0; code = reader.marker()) {
    if (code == kStartOfImage || code == 0x01) continue;  // these carry nothing
    if (code == kEndOfImage) {
      header.is_complete = true;
      break;
    }
    const std::span<const std::uint8_t> payload = reader.payload();
    if (starts_frame(code) && payload.size() >= 6) header.components = payload[5];
    if (code == kApp14 && starts_with(payload, "Adobe"sv)) header.has_adobe = true;
    constexpr auto kExif = "Exif\0\0"sv;
    if (code == kApp1 && starts_with(payload, kExif))
      header.orientation = exif_orientation(payload.subspan(kExif.size()));
  }
  return header;
}

}  // namespace quench::datasets
