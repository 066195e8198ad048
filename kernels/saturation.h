#pragma once

#include <cstdint>
#include <memory>

#include "kernels/conv_kernel.h"

// The results of libraries' int8 kernels on CPUs without VNNI. vpmaddubsw multiplies u8 codes by s8
// weights and adds the products of two neighbouring input channels of a tap in 16 bits, with
// saturation: 255 * 127 + 255 * 127 = 64770 becomes 32767. oneDNN (2.6 and 3.x) and ONNX Runtime do
// this; the kernels in this folder do not.

namespace quench::kernels {

/// Bounds on the pairs of products of a convolution, from its weights.
struct PairSaturation {
  std::int64_t pairs = 0;         ///< of neighbouring input channels, over taps and output channels
  std::int64_t saturating = 0;    ///< pairs that exceed 16 bits for some codes
  std::int32_t largest_sum = 0;   ///< of a pair's products, over all codes; >= 0
  std::int32_t smallest_sum = 0;  ///< <= 0

  /// Whether a saturating kernel is exact for every image.
  bool exact() const { return saturating == 0; }
};

/// Pairs start at even channels of a group; an odd last channel has no partner. The largest sum has
/// the code input_max where the weight is positive and 0 elsewhere.
PairSaturation pair_saturation(const ConvProblem& problem);

/// Reproduces the sums of these libraries on every CPU: the products of each pair of raw codes are
/// added with saturation to 16 bits; the rest, including the correction for zero_code, is in int32.
/// Padding holds zero_code.
std::unique_ptr<ConvKernel> make_saturating_conv(const ConvProblem& problem);

}  // namespace quench::kernels
