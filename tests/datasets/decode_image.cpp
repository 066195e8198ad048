#include "datasets/decoding/decode_image.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "datasets/image_files.h"
#include "datasets/sample_images.h"
#include "temporary_folder.h"

using namespace quench::datasets;

namespace {

using Color = std::array<int, 3>;

// sample_images.py describes the samples.
constexpr Color kRed{200, 40, 40}, kGreen{40, 200, 40}, kBlue{40, 40, 200}, kYellow{220, 220, 60};

Color color_at(const Image& image, int x, int y) {
  const std::uint8_t* pixel = image.view().row(y) + 3 * x;
  return {pixel[0], pixel[1], pixel[2]};
}

void check_near(const Color& color, const Color& expected, int tolerance) {
  for (std::size_t c = 0; c < 3; ++c) CHECK(std::abs(color[c] - expected[c]) <= tolerance);
}

void check_quadrants(const Image& image, const std::array<Color, 4>& colors, int tolerance) {
  const int left = image.width / 4, right = 3 * left, top = image.height / 4, bottom = 3 * top;
  check_near(color_at(image, left, top), colors[0], tolerance);
  check_near(color_at(image, right, top), colors[1], tolerance);
  check_near(color_at(image, left, bottom), colors[2], tolerance);
  check_near(color_at(image, right, bottom), colors[3], tolerance);
}

std::string refusal(std::span<const std::uint8_t> bytes, const DecodeOptions& options = {}) {
  try {
    decode_image(bytes, options);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "decoded";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("decode_image: baseline and progressive JPEG decode to their original colours") {
  for (const auto hex : {kBaselineJpeg, kProgressiveJpeg}) {
    const Image image = decode_image(bytes_of(hex), {});
    CHECK(image.width == 16);
    CHECK(image.height == 16);
    check_quadrants(image, {kRed, kGreen, kBlue, kYellow}, 6);
  }
}

TEST_CASE("decode_image: a grey JPEG has its luma in all channels") {
  const auto luma = [](const Color& c) {
    const auto y = static_cast<int>(0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2] + 0.5);
    return Color{y, y, y};
  };
  check_quadrants(decode_image(bytes_of(kGreyJpeg), {}),
                  {luma(kRed), luma(kGreen), luma(kBlue), luma(kYellow)}, 6);
}

TEST_CASE("decode_image: Adobe's CMYK and YCCK decode as in other decoders") {
  check_quadrants(decode_image(bytes_of(kCmykJpeg), {}), {kRed, kGreen, kBlue, kYellow}, 6);
  check_near(color_at(decode_image(bytes_of(kYcckJpeg), {}), 3, 3),
             {kYcckPixel[0], kYcckPixel[1], kYcckPixel[2]}, 0);
}

TEST_CASE("decode_image: four components without Adobe's marker are rejected") {
  CHECK(contains(refusal(bytes_of(kCmykWithoutAdobe)), "four components without Adobe's marker"));
}

TEST_CASE("decode_image: EXIF orientation turns the image upright, unless switched off") {
  const Image upright = decode_image(bytes_of(kRotatedJpeg), {});
  CHECK(upright.width == 16);
  CHECK(upright.height == 32);
  check_quadrants(upright, {kRed, kGreen, kBlue, kYellow}, 6);
  const Image stored = decode_image(bytes_of(kRotatedJpeg), {.exif_rotation = false});
  CHECK(stored.width == 32);
  check_quadrants(stored, {kGreen, kYellow, kRed, kBlue}, 6);
}

TEST_CASE("decode_image: PNG with a palette, with alpha, of 16 bits") {
  check_quadrants(decode_image(bytes_of(kPalettePng), {}), {kRed, kGreen, kBlue, kYellow}, 0);
  const Image alpha = decode_image(bytes_of(kAlphaPng), {});
  CHECK(color_at(alpha, 0, 0) == Color{10, 20, 30});
  CHECK(color_at(alpha, 1, 0) == Color{50, 60, 70});
  CHECK(color_at(decode_image(bytes_of(kDeepPng), {}), 0, 0) == Color{0x12, 0x56, 0x9a});
}

TEST_CASE("decode_image: BMP is lossless") {
  std::vector<std::uint8_t> pixels(5 * 3 * 3);
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(5 * i);
  const Image image = decode_image(bmp_file(5, 3, pixels), {});
  CHECK(std::equal(pixels.begin(), pixels.end(), image.pixels.get()));
}

TEST_CASE("decode_image: other file formats are rejected") {
  CHECK(refusal({}) == "the file is empty");
  const std::string text = "not an image";
  CHECK(refusal({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}) ==
        "not a JPEG, PNG or BMP file");
  const std::string gif = "GIF89a";
  CHECK(refusal({reinterpret_cast<const std::uint8_t*>(gif.data()), gif.size()}) ==
        "not a JPEG, PNG or BMP file");
}

TEST_CASE("decode_image: a file truncated anywhere is rejected") {
  const std::vector<std::uint8_t> pixels(16 * 16 * 3, 9);
  for (const auto& file : {bytes_of(kBaselineJpeg), bytes_of(kProgressiveJpeg),
                           bytes_of(kPalettePng), bmp_file(16, 16, pixels)}) {
    REQUIRE(refusal(file) == "decoded");
    for (std::size_t length = 1; length + 1 < file.size(); ++length) {
      CAPTURE(length);
      const std::string reason = refusal(std::span(file).first(length));
      // A PNG's last chunk is not needed for the image.
      const bool all_pixels = file[0] == 0x89 && length + 12 >= file.size();
      CHECK((reason != "decoded" || all_pixels));
    }
  }
}

TEST_CASE("decode_image: changed bytes give an image or an error") {
  for (const auto hex : {kBaselineJpeg, kProgressiveJpeg, kCmykJpeg, kRotatedJpeg}) {
    const std::vector<std::uint8_t> sound = bytes_of(hex);
    int decoded = 0;
    for (std::size_t i = 0; i < sound.size(); ++i) {
      std::vector<std::uint8_t> damaged = sound;
      damaged[i] ^= static_cast<std::uint8_t>(1 + i % 255);
      const std::string reason = refusal(damaged, {.max_pixels = 1 << 16});
      CHECK_FALSE(reason.empty());
      decoded += reason == "decoded" ? 1 : 0;
    }
    CHECK(decoded < static_cast<int>(sound.size()));
  }
}

TEST_CASE("decode_image: any flipped bit of a PNG is an error or changes no pixel") {
  for (const auto hex : {kPalettePng, kAlphaPng, kDeepPng, kInterlacedPng}) {
    const std::vector<std::uint8_t> sound = bytes_of(hex);
    const Image expected = decode_image(sound, {});
    std::size_t unnoticed = 0;
    for (std::size_t bit = 0; bit < 8 * sound.size(); ++bit) {
      CAPTURE(bit);
      std::vector<std::uint8_t> damaged = sound;
      damaged[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
      try {
        const Image image = decode_image(damaged, {});
        // The checksum of the empty last chunk, which only libpng before 1.6.48 checks.
        unnoticed += bit / 8 < sound.size() - 4 ? 1 : 0;
        CHECK(image.width == expected.width);
        CHECK(std::equal(expected.pixels.get(), expected.pixels.get() + expected.bytes(),
                         image.pixels.get()));
      } catch (const std::runtime_error&) {
      }
    }
    // Where there is no metadata, every bit counts.
    if (hex != kInterlacedPng) CHECK(unnoticed == 0);
  }
}

TEST_CASE("decode_image: an interlaced PNG; a damaged text chunk changes nothing") {
  std::vector<std::uint8_t> file = bytes_of(kInterlacedPng);
  const auto text = std::ranges::search(file, std::string_view("a text"));
  REQUIRE_FALSE(text.empty());
  text.front() ^= 1;
  const Image image = decode_image(file, {});
  CHECK(image.width == 5);
  CHECK(image.height == 3);
  for (int y = 0; y < 3; ++y) {
    for (int x = 0; x < 5; ++x) CHECK(color_at(image, x, y) == Color{40 * x, 80 * y, 7});
  }
}

TEST_CASE("decode_image: a PNG whose first data chunk is empty (found by fuzzing)") {
  constexpr std::string_view kEmptyFirst =
      "89504e470d0a1a0a0000000d494844520000000200000001080600000051000000000000004944415425ffffff06"
      "00a9e7000080610000001149444154b2ffffffffb271630000046901191b518fa70000";
  // Under UBSan: stb_image, which decoded PNG once, would copy nothing to a null pointer.
  CHECK(refusal(bytes_of(kEmptyFirst)) != "");
}

TEST_CASE(
    "decode_image: a huge image is rejected before decoding, a decompression bomb during it") {
  CHECK(refusal(bytes_of(kHugePng)) ==
        "15000 x 15000 is more than 67108864 pixels; raise data.max_pixels to allow it");
  CHECK(contains(refusal(bytes_of(kBombPng)), "damaged or not supported"));
  CHECK(
      contains(refusal(bytes_of(kBaselineJpeg), {.max_pixels = 255}), "16 x 16 is more than 255"));
  CHECK(refusal(bytes_of(kBaselineJpeg), {.max_pixels = 256}) == "decoded");
}

TEST_CASE("decode_image_file: the message begins with the file") {
  const quench::TemporaryFolder folder;
  const std::filesystem::path path = folder / "empty.jpg";
  write_bytes(path, {});
  CHECK_THROWS_WITH_AS(decode_image_file(path, {}), (path.string() + ": the file is empty").c_str(),
                       std::runtime_error);
  std::vector<std::uint8_t> damaged = bytes_of(kBaselineJpeg);
  damaged.erase(damaged.end() - 10, damaged.end() - 2);
  write_bytes(path, damaged);
  CHECK_THROWS_WITH_AS(decode_image_file(path, {}),
                       (path.string() + ": damaged or not supported (Corrupt JPEG data: premature "
                                        "end of data segment)")
                           .c_str(),
                       std::runtime_error);
}
