#include "datasets/decoding/exif.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

using namespace quench::datasets;

namespace {

/// A TIFF header and one directory with a width and then the orientation, in either byte order.
std::vector<std::uint8_t> tiff(bool big_endian, int type, int orientation) {
  std::vector<std::uint8_t> bytes(2, big_endian ? 'M' : 'I');
  const auto put = [&](int value, int count) {
    for (int i = 0; i < count; ++i) {
      const int shift = 8 * (big_endian ? count - 1 - i : i);
      bytes.push_back(static_cast<std::uint8_t>(value >> shift));
    }
  };
  put(42, 2);
  put(8, 4);
  put(2, 2);
  for (const auto& [tag, value] : {std::pair{0x0100, 7}, {0x0112, orientation}}) {
    put(tag, 2);
    put(type, 2);
    put(1, 4);
    put(value, 2);
    put(0, 2);
  }
  put(0, 4);
  return bytes;
}

/// Letters 2 wide and 3 high, each a pixel.
std::string shown(int orientation) {
  const std::string letters = "abcdef";
  const auto pixels = std::make_shared<std::uint8_t[]>(letters.size() * 3);
  for (std::size_t i = 0; i < letters.size(); ++i) {
    std::fill_n(pixels.get() + 3 * i, 3, static_cast<std::uint8_t>(letters[i]));
  }
  const Image image = oriented({.width = 2, .height = 3, .pixels = pixels}, orientation);
  std::string text;
  for (int y = 0; y < image.height; ++y) {
    if (y > 0) text += '/';
    for (int x = 0; x < image.width; ++x) text += static_cast<char>(image.view().row(y)[3 * x]);
  }
  return text;
}

}  // namespace

TEST_CASE("exif: the orientation is found in either byte order, and only if it is one") {
  for (const bool big_endian : {false, true}) {
    for (int orientation = 1; orientation <= 8; ++orientation) {
      CHECK(exif_orientation(tiff(big_endian, 3, orientation)) == orientation);
    }
    CHECK(exif_orientation(tiff(big_endian, 3, 9)) == 1);
    CHECK(exif_orientation(tiff(big_endian, 3, 0)) == 1);
    CHECK(exif_orientation(tiff(big_endian, 2, 6)) == 1);
  }
  CHECK(exif_orientation({}) == 1);
}

TEST_CASE("exif: data truncated anywhere count as upright") {
  const std::vector<std::uint8_t> whole = tiff(true, 3, 6);
  for (std::size_t length = 0; length < 32; ++length) {
    CHECK(exif_orientation(std::span(whole).first(length)) == 1);
  }
}

TEST_CASE("exif: each orientation transforms the image according to the standard's table") {
  // EXIF 2.32: where the stored row 0 and column 0 are displayed.
  CHECK(shown(1) == "ab/cd/ef");  // top, left
  CHECK(shown(2) == "ba/dc/fe");  // top, right
  CHECK(shown(3) == "fe/dc/ba");  // bottom, right
  CHECK(shown(4) == "ef/cd/ab");  // bottom, left
  CHECK(shown(5) == "ace/bdf");   // left, top
  CHECK(shown(6) == "eca/fdb");   // right, top
  CHECK(shown(7) == "fdb/eca");   // right, bottom
  CHECK(shown(8) == "bdf/ace");   // left, bottom
}
