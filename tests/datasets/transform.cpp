#include "datasets/transform.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <stdexcept>

using namespace quench;
using namespace quench::datasets;

namespace {

constexpr ImageShape kShape{.channels = 2, .height = 4, .width = 5};

std::vector<std::uint8_t> counting_pixels() {
  std::vector<std::uint8_t> pixels(kShape.bytes());
  std::iota(pixels.begin(), pixels.end(),
            std::uint8_t{1});  // no pixel is 0, so pads are unmistakable
  return pixels;
}

/// The result of the crop at (shift_y, shift_x), then the flip, pixel by pixel, with mean 0, std 1.
std::vector<float> reference(int shift_y, int shift_x, bool flip) {
  const std::vector<std::uint8_t> pixels = counting_pixels();
  std::vector<float> output;
  for (int y = 0; y < kShape.height; ++y) {
    for (int x = 0; x < kShape.width; ++x) {
      for (int c = 0; c < kShape.channels; ++c) {
        const int sy = y + shift_y;
        const int sx = (flip ? kShape.width - 1 - x : x) + shift_x;
        const bool inside = sy >= 0 && sy < kShape.height && sx >= 0 && sx < kShape.width;
        const int at = (sy * kShape.width + sx) * kShape.channels + c;
        output.push_back(inside ? static_cast<float>(pixels[static_cast<std::size_t>(at)]) : 0.0f);
      }
    }
  }
  return output;
}

std::vector<float> converted(const Transform& transform, const Random& random) {
  std::vector<float> output(kShape.bytes(), NAN);  // every value has to be written
  PixelConverter(transform, kShape).convert(counting_pixels(), random, output);
  return output;
}

}  // namespace

TEST_CASE("transform: normalizes each channel by its own mean and std") {
  const Transform transform{.mean = {10.0f, 20.0f}, .std = {2.0f, 4.0f}};
  const std::vector<float> output = converted(transform, Random(1, "test"));
  CHECK(output[0] == (1.0f - 10.0f) / 2.0f);
  CHECK(output[1] == (2.0f - 20.0f) / 4.0f);
  CHECK(output[38] == (39.0f - 10.0f) / 2.0f);
  CHECK(output[39] == (40.0f - 20.0f) / 4.0f);
}

TEST_CASE("transform: every crop and flip occurs equally often and equals the naive one") {
  const Transform transform{
      .mean = {0, 0}, .std = {1, 1}, .crop_padding = 2, .horizontal_flip = true};
  const Random random(1, "test");
  constexpr int kDraws = 5000;
  constexpr int kKinds = 5 * 5 * 2;
  std::vector<std::vector<float>> kinds;
  for (int shift_y = -2; shift_y <= 2; ++shift_y) {
    for (int shift_x = -2; shift_x <= 2; ++shift_x) {
      for (const bool flip : {false, true}) kinds.push_back(reference(shift_y, shift_x, flip));
    }
  }
  REQUIRE(std::set(kinds.begin(), kinds.end()).size() == kKinds);
  std::vector<int> count(kKinds);
  for (int i = 0; i < kDraws; ++i) {
    const auto output = converted(transform, random.fork(static_cast<std::uint64_t>(i)));
    const auto kind = std::find(kinds.begin(), kinds.end(), output);
    REQUIRE(kind != kinds.end());
    ++count[static_cast<std::size_t>(kind - kinds.begin())];
  }
  // 100 expected each; five standard deviations are 50.
  for (const int times : count) CHECK(std::abs(times - kDraws / kKinds) < 50);
}

TEST_CASE("transform: padding is 0 after normalization") {
  const Transform transform{.mean = {9.0f, 9.0f}, .std = {3.0f, 3.0f}, .crop_padding = 3};
  const Random random(1, "test");
  bool padded = false;
  for (std::uint64_t i = 0; i < 20; ++i) {
    for (const float value : converted(transform, random.fork(i))) {
      const float pixel = value * 3.0f + 9.0f;
      CHECK(pixel >= 1.0f);
      padded = padded || value == 0.0f;
    }
  }
  CHECK(padded);
}

TEST_CASE("transform: lists of the wrong length and values out of range are named") {
  CHECK_THROWS_WITH_AS((Transform{.mean = {0}, .std = {1, 1}}.validate(kShape)),
                       "transform: expected 2 means and stds (one per channel), got 1 and 2",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS((Transform{.mean = {0, 0}, .std = {1, 0}}.validate(kShape)),
                       "transform: expected finite stds > 0, got 0", std::invalid_argument);
  CHECK_THROWS_WITH_AS((Transform{.mean = {0, NAN}, .std = {1, 1}}.validate(kShape)),
                       "transform: expected finite means, got nan", std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      (Transform{.mean = {0, 0}, .std = {1, 1}, .crop_padding = 4}.validate(kShape)),
      "transform: expected crop_padding in 0..3, got 4 (images 4x5)", std::invalid_argument);
}
