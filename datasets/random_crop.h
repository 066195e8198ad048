#pragma once

#include "core/random.h"
#include "datasets/image.h"

namespace quench::datasets {

/// A random part of an image, to be resized to what the network sees (Szegedy et al. 2015,
/// arXiv:1409.4842, section 6; the defaults are torchvision's).
struct RandomCrop {
  double min_scale = 0.08;       ///< share of the image's area, uniform between these; > 0
  double max_scale = 1.0;        ///< at most 1
  double min_ratio = 3.0 / 4.0;  ///< width / height, its logarithm uniform between these; > 0
  double max_ratio = 4.0 / 3.0;

  /// @throws std::invalid_argument  unless 0 < min <= max for both, and max_scale <= 1
  void validate() const;

  /// Draws up to ten parts until one fits into `width` x `height`; failing that, the middle of the
  /// image with the nearest ratio that is allowed.
  Box draw(int width, int height, Random& random) const;
};

}  // namespace quench::datasets
