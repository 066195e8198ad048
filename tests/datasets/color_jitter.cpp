#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "datasets/augmentation.h"

using namespace quench;
using namespace quench::datasets;

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes noise(std::size_t size) {
  Random random(5, "noise");
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random.below(256));
  return bytes;
}

double grey(const std::uint8_t* rgb) { return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]; }

void check_rounded(std::uint8_t byte, double exact) {
  CHECK(std::abs(byte - std::clamp(exact, 0.0, 255.0)) <= 0.5 + 1e-3);
}

/// The textbook way through hue in degrees, saturation and value.
std::array<double, 3> hue_reference(const std::uint8_t* rgb, double turn) {
  const double r = rgb[0], g = rgb[1], b = rgb[2];
  const double v = std::max({r, g, b}), c = v - std::min({r, g, b});
  double degrees = 0.0;
  if (c > 0 && v == r)
    degrees = 60 * std::fmod((g - b) / c + 6, 6);
  else if (c > 0 && v == g)
    degrees = 60 * ((b - r) / c + 2);
  else if (c > 0)
    degrees = 60 * ((r - g) / c + 4);
  degrees = std::fmod(degrees + 360 * turn + 360, 360);
  const double x = c * (1 - std::abs(std::fmod(degrees / 60, 2) - 1)), m = v - c;
  const std::array<std::array<double, 3>, 6> cases{
      {{c, x, 0}, {x, c, 0}, {0, c, x}, {0, x, c}, {x, 0, c}, {c, 0, x}}};
  std::array<double, 3> result = cases[static_cast<std::size_t>(degrees / 60) % 6];
  for (double& value : result) value += m;
  return result;
}

}  // namespace

TEST_CASE("color_jitter: brightness, contrast and saturation blend as in torchvision") {
  const Bytes before = noise(300);
  double mean = 0.0;
  for (std::size_t i = 0; i < before.size(); i += 3) mean += grey(&before[i]) / 100.0;
  for (const float factor : {0.0f, 0.4f, 1.0f, 1.7f}) {
    CAPTURE(factor);
    Bytes bright = before, contrasted = before, saturated = before;
    scale_brightness(bright, factor);
    scale_contrast(contrasted, 3, factor);
    scale_saturation(saturated, factor);
    const double f = static_cast<double>(factor);
    for (std::size_t i = 0; i < before.size(); ++i) {
      check_rounded(bright[i], f * before[i]);
      check_rounded(contrasted[i], f * before[i] + (1 - f) * mean);
      check_rounded(saturated[i], f * before[i] + (1 - f) * grey(&before[i / 3 * 3]));
    }
  }
}

TEST_CASE("color_jitter: hue turns the colour circle") {
  Bytes primary{255, 0, 0, 80, 80, 80};
  turn_hue(primary, 1.0f / 3.0f);
  CHECK(primary == Bytes{0, 255, 0, 80, 80, 80});
  const Bytes before = noise(300);
  for (const float turn : {-0.5f, -0.1f, 0.0f, 0.27f, 0.5f}) {
    CAPTURE(turn);
    Bytes turned = before;
    turn_hue(turned, turn);
    for (std::size_t i = 0; i < before.size(); i += 3) {
      const auto exact = hue_reference(&before[i], static_cast<double>(turn));
      for (std::size_t c = 0; c < 3; ++c) check_rounded(turned[i + c], exact[c]);
    }
  }
}

TEST_CASE("color_jitter: the same stream gives the same colours, another stream different ones") {
  const ColorJitter jitter{.brightness = 0.4, .contrast = 0.4, .saturation = 0.4, .hue = 0.1};
  const auto jittered = [&](std::uint64_t fork) {
    Bytes bytes = noise(300);
    Random random = Random(1, "augment").fork(fork);
    jitter.apply(bytes, 3, random);
    return bytes;
  };
  CHECK(jittered(0) == jittered(0));
  CHECK(jittered(0) != jittered(1));
  CHECK(jittered(0) != noise(300));
}

TEST_CASE("color_jitter: without strength nothing is drawn or changed; factors keep their range") {
  Random random(1, "test");
  Bytes bytes = noise(30);
  ColorJitter{}.apply(bytes, 3, random);
  CHECK(bytes == noise(30));
  CHECK(random.position() == 0);
  for (std::uint64_t i = 0; i < 200; ++i) {
    Bytes grey_image{100, 100};
    Random draws = random.fork(i);
    ColorJitter{.brightness = 0.2}.apply(grey_image, 1, draws);
    CHECK(grey_image[0] >= 80);
    CHECK(grey_image[0] <= 120);
  }
}

TEST_CASE("color_jitter: values out of range are named") {
  CHECK_THROWS_WITH_AS((ColorJitter{.hue = 0.6}.validate(3)),
                       "color_jitter: expected hue in 0..0.5, got 0.6", std::invalid_argument);
  CHECK_THROWS_WITH_AS((ColorJitter{.brightness = -1.0}.validate(3)),
                       "color_jitter: expected brightness in 0..100, got -1",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      (ColorJitter{.saturation = 0.5}.validate(1)),
      "color_jitter: expected saturation and hue 0 for images of 1 channels, got 0.5 and 0",
      std::invalid_argument);
}
