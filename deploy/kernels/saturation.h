#pragma once

#include <cstdint>
#include <memory>

#include "deploy/kernels/conv_kernel.h"

// What int8 kernels of libraries compute on CPUs without VNNI. vpmaddubsw multiplies u8 codes with s8
// weights and adds the products of two neighbouring input channels of a tap in 16 bits, with
// saturation: 255 * 127 + 255 * 127 = 64770 becomes 32767. oneDNN (2.6 and 3.x) and ONNX Runtime do
// that; the kernels of this folder do not.

namespace quench::deploy {

/// What the weights of a convolution allow the pairs of products to be.
struct PairSaturation {
  std::int64_t pairs = 0;         ///< of neighbouring input channels, over taps and output channels
  std::int64_t saturating = 0;    ///< of them, those that leave 16 bits for some codes
  std::int32_t largest_sum = 0;   ///< of a pair's products, over all codes; >= 0
  std::int32_t smallest_sum = 0;  ///< <= 0

  /// Whether such a kernel gives the right sums for every image.
  bool exact() const { return saturating == 0; }
};

/// Pairs start at even channels of a group; an odd last channel stands alone. The largest sum has the
/// code input_max wherever the weight is positive and 0 elsewhere.
PairSaturation pair_saturation(const ConvProblem& problem);

/// The sums as such a library gives them: each pair's products, of the codes as they are, added with
/// saturation to 16 bits; the rest, and what zero_code takes off, in int32. Padding holds zero_code.
/// The same on every CPU.
std::unique_ptr<ConvKernel> make_saturating_conv(const ConvProblem& problem);

}  // namespace quench::deploy
