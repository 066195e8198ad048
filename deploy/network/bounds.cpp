#include "deploy/network/bounds.h"

#include <cstdlib>

namespace quench::deploy {

std::vector<std::int64_t> largest_sums(const Convolution& convolution,
                                       const quant::QuantGrid& input) {
  const auto channels = static_cast<std::size_t>(convolution.out_channels);
  const std::size_t taps = convolution.weight.size() / channels;
  const std::int64_t code = quant::largest_code(input);
  std::vector<std::int64_t> sums(channels);
  for (std::size_t o = 0; o < channels; ++o) {
    for (std::size_t k = 0; k < taps; ++k)
      sums[o] += std::abs(std::int64_t{convolution.weight[o * taps + k]}) * code;
  }
  return sums;
}

}  // namespace quench::deploy
