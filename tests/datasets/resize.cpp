#include "datasets/resize.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/random.h"

using namespace quench::datasets;

namespace {

struct Picture {
  int width, height, channels;
  std::vector<std::uint8_t> pixels;
  ImageView view() const { return {pixels.data(), width, height, channels, width * channels}; }
};

Picture noise(int width, int height, int channels) {
  quench::Random random(7, "noise");
  Picture picture{width, height, channels, {}};
  for (int i = 0; i < width * height * channels; ++i) {
    picture.pixels.push_back(static_cast<std::uint8_t>(random.below(256)));
  }
  return picture;
}

/// Weight of source pixel `i` in output `o`: the triangle around the output's centre, normalized.
double weight(int i, int o, int source, int size) {
  const double step = static_cast<double>(source) / size, half = std::max(1.0, step);
  const auto triangle = [&](int k) {
    return std::max(0.0, 1.0 - std::abs(k + 0.5 - (o + 0.5) * step) / half);
  };
  double sum = 0.0;
  for (int k = 0; k < source; ++k) sum += triangle(k);
  return triangle(i) / sum;
}

double naive(const Picture& source, int width, int height, int x, int y, int channel) {
  double sum = 0.0;
  for (int sy = 0; sy < source.height; ++sy) {
    const double vertical = weight(sy, y, source.height, height);
    if (vertical == 0.0) continue;
    for (int sx = 0; sx < source.width; ++sx) {
      const auto at =
          static_cast<std::size_t>((sy * source.width + sx) * source.channels + channel);
      sum += vertical * weight(sx, x, source.width, width) * source.pixels[at];
    }
  }
  return sum;
}

void check_window(const Picture& source, int width, int height, const Box& window) {
  CAPTURE(width);
  CAPTURE(height);
  std::vector<std::uint8_t> output(
      static_cast<std::size_t>(window.width * window.height * source.channels));
  resize(source.view(), width, height, window, output.data());
  double worst = 0.0;
  std::size_t at = 0;
  for (int y = 0; y < window.height; ++y) {
    for (int x = 0; x < window.width; ++x) {
      for (int c = 0; c < source.channels; ++c) {
        const double exact = naive(source, width, height, window.x + x, window.y + y, c);
        worst = std::max(worst, std::abs(output[at++] - exact));
      }
    }
  }
  CHECK(worst <= 0.5 + 1e-3);  // rounded once
}

}  // namespace

TEST_CASE("resize: equals the triangle filter in double, shrinking, growing and both") {
  for (const int channels : {1, 3}) {
    const Picture source = noise(23, 17, channels);
    for (const auto& [width, height] : {std::pair{10, 8}, {46, 40}, {7, 30}, {23, 9}, {1, 1}}) {
      check_window(source, width, height, {.width = width, .height = height});
    }
  }
}

TEST_CASE("resize: a window of the result is that part of the whole") {
  const Picture source = noise(31, 20, 3);
  check_window(source, 14, 9, {.x = 3, .y = 2, .width = 5, .height = 6});
  check_window(source, 60, 50, {.x = 40, .y = 13, .width = 20, .height = 37});
}

TEST_CASE("resize: the original size changes no byte") {
  const Picture source = noise(9, 6, 3);
  std::vector<std::uint8_t> output(source.pixels.size());
  resize(source.view(), 9, 6, {.width = 9, .height = 6}, output.data());
  CHECK(output == source.pixels);
}

TEST_CASE("central_view: an image of the right short side is only cropped") {
  const Picture source = noise(11, 8, 3);  // landscape: the long side is cropped, too
  std::vector<std::uint8_t> output(6 * 6 * 3);
  central_view(source.view(), 8, 6, 6, output.data());
  for (int y = 0; y < 6; ++y) {
    const std::uint8_t* row = source.view().row(y + 1) + 2 * 3;  // offsets 2.5 and 1, rounded down
    CHECK(std::equal(row, row + 18, output.begin() + 18 * y));
  }
}

TEST_CASE("central_view: the short side is resized and the centre cropped") {
  const Picture source = noise(40, 60, 3);  // portrait: resized to 20x30
  std::vector<std::uint8_t> output(16 * 16 * 3);
  central_view(source.view(), 20, 16, 16, output.data());
  for (const int y : {0, 7, 15}) {
    for (const int x : {0, 8, 15}) {
      const double exact = naive(source, 20, 30, x + 2, y + 7, 1);
      CHECK(std::abs(output[static_cast<std::size_t>((y * 16 + x) * 3 + 1)] - exact) <= 0.501);
    }
  }
}
