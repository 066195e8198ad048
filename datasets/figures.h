#pragma once

#include <array>

namespace quench::datasets {

/// Where and how large a figure is drawn; lengths in pixels.
struct FigurePose {
  float size = 0.0f;       ///< a figure's circumradius, or a texture's cell
  float thickness = 0.0f;  ///< of a line, relative to size
};

/// A class of the synthetic set: a set of points in the plane.
struct Figure {
  const char* name;
  float min_degrees, max_degrees;  ///< rotations to draw, either way
  float min_size, max_size;
  float max_offset;  ///< how far the centre may lie from the image's, along each axis
  /// Distance of (x, y) to the outline in pixels, negative inside. Exact up to the factor that
  /// antialiasing over one pixel forgives.
  float (*distance)(float x, float y, const FigurePose& pose);
};

/// The classes in the order of their labels.
extern const std::array<Figure, 10> kFigures;

}  // namespace quench::datasets
