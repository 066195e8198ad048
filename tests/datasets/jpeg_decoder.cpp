#include "datasets/decoding/jpeg_decoder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "datasets/image_files.h"
#include "datasets/sample_images.h"

using namespace quench::datasets;

namespace {

using Bytes = std::vector<std::uint8_t>;

Image decode(const Bytes& file) { return JpegDecoder(file).decode(); }

std::string refusal(const Bytes& file) {
  try {
    decode(file);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "decoded";
}

Bytes with(Bytes file, std::size_t at, const Bytes& inserted) {
  file.insert(file.begin() + static_cast<std::ptrdiff_t>(at), inserted.begin(), inserted.end());
  return file;
}

Bytes without(Bytes file, std::size_t at, std::size_t count) {
  const auto first = file.begin() + static_cast<std::ptrdiff_t>(at);
  file.erase(first, first + static_cast<std::ptrdiff_t>(count));
  return file;
}

constexpr std::size_t kEndOfImage = 2;  // bytes of the marker that every file ends with

/// A file of `scans` scans, each of which a decoder may expect.
Bytes of_scans(int scans) {
  constexpr std::size_t kScanBytes = 11;
  const Bytes file = bytes_of(kOneScanJpeg);
  const Bytes scan(file.end() - kScanBytes - kEndOfImage, file.end() - kEndOfImage);
  Bytes longer = file;
  for (int i = 1; i < scans; ++i) longer = with(longer, longer.size() - kEndOfImage, scan);
  return longer;
}

}  // namespace

TEST_CASE("jpeg: pixels are Pillow's, bit for bit, also where chroma has half the size") {
  const Image image = decode(bytes_of(kSubsampledJpeg));
  const Bytes expected = bytes_of(kSubsampledPixels);
  REQUIRE(image.width == 13);
  REQUIRE(image.height == 11);
  REQUIRE(image.bytes() == expected.size());
  CHECK(std::equal(expected.begin(), expected.end(), image.pixels.get()));
}

TEST_CASE("jpeg: size and orientation are known before a pixel is decoded") {
  const Bytes file = bytes_of(kRotatedJpeg);
  const JpegDecoder decoder({file.data(), file.size() - 8});
  CHECK(decoder.size().width == 32);
  CHECK(decoder.size().height == 16);
  CHECK(decoder.orientation() == 6);
}

TEST_CASE("jpeg: damaged data in a complete file are rejected with libjpeg's message") {
  const Bytes sound = bytes_of(kSubsampledJpeg);
  CHECK(refusal(without(sound, sound.size() - kEndOfImage - 8, 8)) ==
        "damaged or not supported (Corrupt JPEG data: premature end of data segment)");
  // Some of them are already in the decoder's bit buffer and are not counted.
  const std::string surplus = refusal(with(sound, sound.size() - kEndOfImage, Bytes(20, 0x11)));
  CHECK(surplus.find("extraneous bytes before marker 0xd9") != std::string::npos);
  CHECK(refusal(without(sound, sound.size() - kEndOfImage, kEndOfImage)) ==
        "damaged or not supported (Premature end of JPEG file)");
}

TEST_CASE("jpeg: unusual headers that do not affect pixels are accepted") {
  const Bytes sound = bytes_of(kSubsampledJpeg);
  constexpr std::size_t kJfifVersion = 11, kJfifBytes = 20;
  REQUIRE(sound[kJfifVersion] == 1);
  Bytes odd = with(sound, kJfifBytes, {0x00, 0x17});
  odd[kJfifVersion] = 0;
  const Bytes expected = bytes_of(kSubsampledPixels);
  CHECK(std::equal(expected.begin(), expected.end(), decode(odd).pixels.get()));
}

TEST_CASE("jpeg: a damaged EXIF block changes no stored pixel") {
  const Bytes sound = bytes_of(kRotatedJpeg);
  const Image expected = decode(sound);
  const auto same = [&](const Bytes& file) {
    const Image image = decode(file);
    return std::equal(expected.pixels.get(), expected.pixels.get() + expected.bytes(),
                      image.pixels.get(), image.pixels.get() + image.bytes());
  };
  const Bytes marker{0xff, 0xe1};
  const auto block = std::ranges::search(sound, marker);
  REQUIRE_FALSE(block.empty());
  const auto begin = static_cast<std::size_t>(block.begin() - sound.begin());
  const std::size_t length = 256u * sound[begin + 2] + sound[begin + 3];
  for (std::size_t bit = 8 * (begin + 4); bit < 8 * (begin + 2 + length); ++bit) {
    CAPTURE(bit);
    Bytes damaged = sound;
    damaged[bit / 8] ^= static_cast<std::uint8_t>(1 << bit % 8);
    CHECK(same(damaged));
  }
  Bytes damaged = sound;
  damaged[begin + 3] = 12;  // shorter than it is, so that the rest belongs to nothing
  CHECK(same(damaged));
  std::fill_n(damaged.begin() + static_cast<std::ptrdiff_t>(begin), 2 + length, std::uint8_t{0});
  CHECK(same(damaged));
}

TEST_CASE("jpeg: an unknown code in Adobe's marker is ignored, as in other readers") {
  constexpr std::size_t kJfifBytes = 20;
  const auto adobe = [](std::uint8_t code) {
    return Bytes{0xff, 0xee, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, code};
  };
  const Bytes sound = bytes_of(kSubsampledJpeg);
  const Bytes expected = bytes_of(kSubsampledPixels);
  for (const std::uint8_t code : {std::uint8_t{1}, std::uint8_t{7}}) {  // 1 is YCbCr
    const Image image = decode(with(sound, kJfifBytes, adobe(code)));
    CHECK(std::equal(expected.begin(), expected.end(), image.pixels.get()));
  }
}

TEST_CASE(
    "jpeg: more scans than any encoder writes are rejected, since each takes as long as an image") {
  CHECK(decode(of_scans(100)).pixels[0] == 128);
  CHECK(refusal(of_scans(101)) == "damaged or not supported (more than 100 scans)");
}
