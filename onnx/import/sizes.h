#pragma once

// Private to the folder: the small lists of integers by which graphs compute the sizes of a Reshape.

#include <cstdint>
#include <vector>

#include "onnx/file/model.h"

namespace quench::onnx_network {

/// Stands for the number of images in such lists.
inline constexpr std::int64_t kBatch = -1;

/// No list of sizes has more.
inline constexpr std::int64_t kMostSizes = 64;
/// @throws std::invalid_argument  for more
void require_few(const std::vector<std::int64_t>& sizes);

/// The sizes behind the batch that a Reshape to `target` gives a tensor of `dims`; 0 stands for the
/// size there was, -1 for what is left.
/// @throws std::invalid_argument  unless the batch stays in front and the numbers fit
std::vector<std::int64_t> reshaped(const std::vector<std::int64_t>& dims,
                                   std::vector<std::int64_t> target, const OnnxModel& model);

}  // namespace quench::onnx_network
