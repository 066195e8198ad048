#include "datasets/jpeg_decoder.h"

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

TEST_CASE("jpeg: data that were damaged within a complete file are refused in libjpeg's words") {
  const Bytes sound = bytes_of(kSubsampledJpeg);
  CHECK(refusal(without(sound, sound.size() - kEndOfImage - 8, 8)) ==
        "damaged or not supported (Corrupt JPEG data: premature end of data segment)");
  // Some of them lie in the decoder's buffer of bits already, and are not counted.
  const std::string surplus = refusal(with(sound, sound.size() - kEndOfImage, Bytes(20, 0x11)));
  CHECK(surplus.find("extraneous bytes before marker 0xd9") != std::string::npos);
  CHECK(refusal(without(sound, sound.size() - kEndOfImage, kEndOfImage)) ==
        "damaged or not supported (Premature end of JPEG file)");
}

TEST_CASE("jpeg: oddities of the header that change no pixel are passed over") {
  const Bytes sound = bytes_of(kSubsampledJpeg);
  constexpr std::size_t kJfifVersion = 11, kJfifBytes = 20;
  REQUIRE(sound[kJfifVersion] == 1);
  Bytes odd = with(sound, kJfifBytes, {0x00, 0x17});
  odd[kJfifVersion] = 0;
  const Bytes expected = bytes_of(kSubsampledPixels);
  CHECK(std::equal(expected.begin(), expected.end(), decode(odd).pixels.get()));
}

TEST_CASE("jpeg: more scans than any encoder writes are refused, since each costs a picture") {
  CHECK(decode(of_scans(100)).pixels[0] == 128);
  CHECK(refusal(of_scans(101)) == "damaged or not supported (more than 100 scans)");
}
