#include "datasets/augmentation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <utility>

#include "datasets/image.h"
#include "support/error.h"

namespace quench::datasets {
namespace {

double uniform(double low, double high, Random& random) {
  return low + (high - low) * static_cast<double>(random.uniform());
}

int offset(int room, Random& random) {
  return static_cast<int>(random.below(static_cast<std::uint32_t>(room + 1)));
}

/// The largest centred box whose ratio is within the bounds.
Box middle(int width, int height, double min_ratio, double max_ratio) {
  const double ratio = std::clamp(static_cast<double>(width) / height, min_ratio, max_ratio);
  const auto rounded = [](double side, int limit) {
    return std::clamp(static_cast<int>(std::lround(side)), 1, limit);
  };
  Box box{.width = rounded(height * ratio, width), .height = rounded(width / ratio, height)};
  box.x = (width - box.width) / 2;
  box.y = (height - box.height) / 2;
  return box;
}

std::uint8_t clamped(float value) { return to_byte(std::clamp(value, 0.0f, 255.0f)); }

/// Luma of ITU-R BT.601.
float grey(const std::uint8_t* rgb) {
  return 0.299f * static_cast<float>(rgb[0]) + 0.587f * static_cast<float>(rgb[1]) +
         0.114f * static_cast<float>(rgb[2]);
}

/// Sums integers: exact in any order.
float mean_grey(std::span<const std::uint8_t> pixels, int channels) {
  std::array<std::uint64_t, 3> sums{};
  const auto step = static_cast<std::size_t>(channels);
  for (std::size_t i = 0; i < pixels.size(); i += step) {
    for (std::size_t c = 0; c < step; ++c) sums[c] += pixels[i + c];
  }
  const std::size_t count = pixels.size() / step;
  const auto mean = [&](std::size_t c) {
    return static_cast<double>(sums[c]) / static_cast<double>(count);
  };
  if (channels == 1) return static_cast<float>(mean(0));
  return static_cast<float>(0.299 * mean(0) + 0.587 * mean(1) + 0.114 * mean(2));
}

float draw_factor(double strength, Random& random) {
  const auto low = static_cast<float>(std::max(0.0, 1.0 - strength));
  return random.uniform(low, static_cast<float>(1.0 + strength));
}

}  // namespace

void RandomCrop::validate() const {
  require(min_scale > 0.0 && min_scale <= max_scale && max_scale <= 1.0,
          "random_crop: expected scales 0 < min <= max <= 1, got {} and {}", min_scale, max_scale);
  require(min_ratio > 0.0 && min_ratio <= max_ratio && std::isfinite(max_ratio),
          "random_crop: expected ratios 0 < min <= max, got {} and {}", min_ratio, max_ratio);
}

Box RandomCrop::draw(int width, int height, Random& random) const {
  constexpr int kTries = 10;
  const double area = static_cast<double>(width) * height;
  for (int i = 0; i < kTries; ++i) {
    const double target = area * uniform(min_scale, max_scale, random);
    const double ratio = std::exp(uniform(std::log(min_ratio), std::log(max_ratio), random));
    Box box{.width = static_cast<int>(std::lround(std::sqrt(target * ratio))),
            .height = static_cast<int>(std::lround(std::sqrt(target / ratio)))};
    if (box.width < 1 || box.width > width || box.height < 1 || box.height > height) continue;
    box.y = offset(height - box.height, random);
    box.x = offset(width - box.width, random);
    return box;
  }
  return middle(width, height, min_ratio, max_ratio);
}

void ColorJitter::validate(int channels) const {
  const auto check = [](const char* name, double value, double limit) {
    require(value >= 0.0 && value <= limit, "color_jitter: expected {} in 0..{}, got {}", name,
            limit, value);
  };
  constexpr double kMost = 100.0;
  check("brightness", brightness, kMost);
  check("contrast", contrast, kMost);
  check("saturation", saturation, kMost);
  check("hue", hue, 0.5);
  require(channels == 3 || (saturation == 0.0 && hue == 0.0),
          "color_jitter: expected saturation and hue 0 for images of {} channels, got {} and {}",
          channels, saturation, hue);
}

void ColorJitter::apply(std::span<std::uint8_t> pixels, int channels, Random& random) const {
  if (!any()) return;
  const float bright = brightness > 0 ? draw_factor(brightness, random) : 1.0f;
  const float contrasted = contrast > 0 ? draw_factor(contrast, random) : 1.0f;
  const float saturated = saturation > 0 ? draw_factor(saturation, random) : 1.0f;
  const auto most = static_cast<float>(hue);
  const float turned = hue > 0 ? random.uniform(-most, most) : 0.0f;
  std::array<int, 4> order{0, 1, 2, 3};
  for (std::size_t i = order.size(); i > 1; --i) {  // Fisher-Yates
    std::swap(order[i - 1], order[random.below(static_cast<std::uint32_t>(i))]);
  }
  for (const int step : order) {
    if (step == 0 && brightness > 0) scale_brightness(pixels, bright);
    if (step == 1 && contrast > 0) scale_contrast(pixels, channels, contrasted);
    if (step == 2 && saturation > 0) scale_saturation(pixels, saturated);
    if (step == 3 && hue > 0) turn_hue(pixels, turned);
  }
}

void scale_brightness(std::span<std::uint8_t> pixels, float factor) {
  for (std::uint8_t& value : pixels) value = clamped(factor * static_cast<float>(value));
}

void scale_contrast(std::span<std::uint8_t> pixels, int channels, float factor) {
  const float rest = (1.0f - factor) * mean_grey(pixels, channels);
  for (std::uint8_t& value : pixels) value = clamped(factor * static_cast<float>(value) + rest);
}

void scale_saturation(std::span<std::uint8_t> pixels, float factor) {
  for (std::size_t i = 0; i < pixels.size(); i += 3) {
    std::uint8_t* rgb = pixels.data() + i;
    const float rest = (1.0f - factor) * grey(rgb);
    for (int c = 0; c < 3; ++c) rgb[c] = clamped(factor * static_cast<float>(rgb[c]) + rest);
  }
}

void turn_hue(std::span<std::uint8_t> pixels, float turn) {
  for (std::size_t i = 0; i < pixels.size(); i += 3) {
    std::uint8_t* rgb = pixels.data() + i;
    const float r = rgb[0], g = rgb[1], b = rgb[2];
    const float value = std::max({r, g, b}), chroma = value - std::min({r, g, b});
    if (chroma == 0.0f) continue;  // grey has no hue
    // In sixths of the colour circle, starting at red.
    float hue = value == r ? (g - b) / chroma
                           : (value == g ? 2.0f + (b - r) / chroma : 4.0f + (r - g) / chroma);
    hue += 6.0f * turn;
    // HSV back to RGB without its table of six cases: each channel is a trapezoid over the circle.
    const std::array<float, 3> phases{5.0f, 3.0f, 1.0f};
    for (std::size_t c = 0; c < 3; ++c) {
      const float shifted = phases[c] + hue;
      const float k = shifted - 6.0f * std::floor(shifted / 6.0f);
      rgb[c] = clamped(value - chroma * std::clamp(std::min(k, 4.0f - k), 0.0f, 1.0f));
    }
  }
}

}  // namespace quench::datasets
