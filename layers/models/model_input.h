#pragma once

#include <cstdint>

namespace quench::models {

/// What a network has to fit: images of the data set and its classes.
struct ModelInput {
  std::int64_t channels = 3;
  std::int64_t height = 32;
  std::int64_t width = 32;
  std::int64_t classes = 10;
};

}  // namespace quench::models
