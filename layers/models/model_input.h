#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "support/settings.h"

namespace quench::layers::models {

/// Image size and classes of the data set, which a network has to fit.
struct ModelInput {
  std::int64_t channels = 3;
  std::int64_t height = 32;
  std::int64_t width = 32;
  std::int64_t classes = 10;
};

/// The key width of [model].
inline double read_width(const Settings& settings, double fallback = 1.0) {
  return settings.number({"width", "multiplies the channels of every layer"}, fallback,
                         above(0.0, 16.0));
}

/// The key small_images of [model], for networks that keep more resolution of small images: "yes",
/// "no", or "auto", which means up to 64 x 64.
inline bool read_small_images(const Settings& settings, const ModelInput& input) {
  const std::string choice = settings.choice(
      {"small_images", "keep more of the image in the first layers; auto: up to 64 x 64"}, "auto",
      {"auto", "yes", "no"});
  return choice == "auto" ? std::max(input.height, input.width) <= 64 : choice == "yes";
}

}  // namespace quench::layers::models
