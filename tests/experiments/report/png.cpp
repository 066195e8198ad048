#include "experiments/report/png.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>
#include <string_view>

#include "datasets/decoding/decode_image.h"
#include "support/file.h"
#include "temporary_folder.h"

using namespace quench;
using namespace quench::experiments::report;

namespace {

std::string base64_of(std::string_view text) {
  return base64({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

/// Decodes the output of encode_png() with the decoder of the data sets.
datasets::Image decoded(const std::vector<std::uint8_t>& png) {
  const TemporaryFolder folder;
  write_file_atomically(folder / "a.png", std::as_bytes(std::span(png)));
  return datasets::decode_image_file(folder / "a.png", {});
}

}  // namespace

TEST_CASE("base64: the examples of RFC 4648, section 10") {
  CHECK(base64_of("") == "");
  CHECK(base64_of("f") == "Zg==");
  CHECK(base64_of("fo") == "Zm8=");
  CHECK(base64_of("foo") == "Zm9v");
  CHECK(base64_of("foob") == "Zm9vYg==");
  CHECK(base64_of("fooba") == "Zm9vYmE=");
  CHECK(base64_of("foobar") == "Zm9vYmFy");
  CHECK(base64_of("\xff\xff\xff\xfe") == "/////g==");
}

TEST_CASE("png: a decoder restores every byte") {
  std::vector<std::uint8_t> pixels;
  for (int i = 0; i < 5 * 4 * 3; ++i) pixels.push_back(static_cast<std::uint8_t>(i * 37 % 256));
  const datasets::Image image = decoded(encode_png({3, 5, 4}, pixels));
  CHECK(image.width == 4);
  CHECK(image.height == 5);
  CHECK(std::equal(pixels.begin(), pixels.end(), image.pixels.get()));
}

TEST_CASE("png: one channel is grey") {
  const std::vector<std::uint8_t> pixels{0, 100, 200, 255};
  const datasets::Image image = decoded(encode_png({1, 2, 2}, pixels));
  CHECK(image.pixels[3] == 100);
  CHECK(image.pixels[4] == 100);
  CHECK(image.pixels[9] == 255);
}

TEST_CASE("png: other channels or too few bytes are rejected") {
  const std::vector<std::uint8_t> pixels(8);
  CHECK_THROWS_WITH_AS(encode_png({2, 2, 2}, pixels),
                       "png: expected an image of 1 or 3 channels, got 2x2x2",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(encode_png({3, 2, 2}, pixels), "png: expected 12 bytes of pixels, got 8",
                       std::invalid_argument);
}

TEST_CASE("image address: large images are shrunk in proportion") {
  const std::vector<std::uint8_t> pixels(200 * 100 * 3, 77);
  const std::string small = image_address({3, 200, 100}, pixels, 40);
  CHECK(small.starts_with("data:image/png;base64,iVBORw0KGgo"));
  const std::vector<std::uint8_t> expected(40 * 20 * 3, 77);
  CHECK(small == image_address({3, 40, 20}, expected, 40));
}
