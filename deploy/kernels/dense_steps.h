#pragma once

#include <cstdint>
#include <vector>

#include "deploy/kernels/padded_image.h"

namespace quench::deploy {

/// Some neighbouring codes of a window.
struct DenseStep {
  std::int32_t offset;  ///< bytes from the window's first tap
  std::int32_t weight;  ///< of the first code, within the weights of an output channel
  std::int32_t codes;   ///< how many count; a kernel multiplies the rest with 0
};

/// The window of a group in steps of `codes` codes. Taps that are neighbours in memory make one run,
/// so that few channels leave few holes.
std::vector<DenseStep> dense_steps(const ConvProblem& problem, const PaddedImage& image,
                                   int code_bytes, int codes);

/// The weights of a step, for a block of output channels.
struct WeightStep {
  std::int32_t offset = 0;
  std::vector<std::int16_t> weight;  ///< [lanes][codes of a step]
};

struct ChannelBlock {
  std::int64_t first = 0;     ///< output channel
  std::int64_t channels = 0;  ///< all of one group
  std::int64_t lanes = 0;     ///< channels, padded
};

/// @param codes  of a step
std::vector<WeightStep> weight_steps(const ConvProblem& problem,
                                     const std::vector<DenseStep>& steps, const ChannelBlock& block,
                                     int code_bytes, int codes);

}  // namespace quench::deploy
