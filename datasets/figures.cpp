#include "datasets/figures.h"

#include <algorithm>
#include <cmath>

namespace quench::datasets {
namespace {

float disc(float x, float y, const FigurePose& pose) {
  return std::sqrt(x * x + y * y) - pose.size;
}

float ring(float x, float y, const FigurePose& pose) {
  const float half = 0.5f * pose.thickness * pose.size;
  return std::abs(std::sqrt(x * x + y * y) - (pose.size - half)) - half;
}

float rectangle(float x, float y, float half_width, float half_height) {
  return std::max(std::abs(x) - half_width, std::abs(y) - half_height);
}

float square(float x, float y, const FigurePose& pose) {
  const float half = 0.8f * pose.size;
  return rectangle(x, y, half, half);
}

float triangle(float x, float y, const FigurePose& pose) {
  constexpr float kSin60 = 0.8660254f;
  // Equilateral: three half-planes at half the circumradius from the centre.
  const float slanted = kSin60 * std::abs(x) - 0.5f * y;
  return std::max(slanted, y) - 0.5f * pose.size;
}

float cross(float x, float y, const FigurePose& pose) {
  const float half = 0.5f * pose.thickness * pose.size;
  return std::min(rectangle(x, y, pose.size, half), rectangle(x, y, half, pose.size));
}

/// A triangle wave of slope 1: negative in every second interval of length `cell`.
float wave(float x, float cell) {
  const float t = x / (2.0f * cell);
  return (std::abs(t - std::floor(t) - 0.5f) - 0.25f) * 2.0f * cell;
}

float stripes(float x, float, const FigurePose& pose) { return wave(x, pose.size); }

float checkerboard(float x, float y, const FigurePose& pose) {
  const float a = wave(x, pose.size);
  const float b = wave(y, pose.size);
  return std::copysign(std::min(std::abs(a), std::abs(b)), a * b);
}

float dots(float x, float y, const FigurePose& pose) {
  const float cell = 2.0f * pose.size;
  const float dx = x - cell * std::round(x / cell);
  const float dy = y - cell * std::round(y / cell);
  return std::sqrt(dx * dx + dy * dy) - 0.55f * pose.size;
}

}  // namespace

// A texture's offset of one period reaches every phase. Angles of the three stripes stay 27 degrees
// apart, so that noise cannot make one into another.
const std::array<Figure, 10> kFigures{
    Figure{"disc", 0, 0, 9, 12, 3, disc},
    Figure{"ring", 0, 0, 10, 13, 3, ring},
    Figure{"square", 0, 12, 11, 14, 3, square},
    Figure{"triangle", 0, 12, 13, 16, 3, triangle},
    Figure{"cross", 0, 12, 11, 14, 3, cross},
    Figure{"horizontal_stripes", 80, 90, 3, 5, 10, stripes},
    Figure{"vertical_stripes", 0, 10, 3, 5, 10, stripes},
    Figure{"diagonal_stripes", 37, 53, 3, 5, 10, stripes},
    Figure{"checkerboard", 0, 12, 5, 8, 16, checkerboard},
    Figure{"dots", 0, 12, 3, 4, 8, dots},
};

}  // namespace quench::datasets
