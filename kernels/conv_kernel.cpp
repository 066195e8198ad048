#include "kernels/conv_kernel.h"

#include <algorithm>
#include <cstdlib>

#include "core/shape.h"
#include "kernels/binary_popcount.h"
#include "kernels/conv_variants.h"
#include "support/error.h"

namespace quench::kernels {
namespace {

std::int64_t out_size(std::int64_t size, int before, int after, int kernel, int dilation,
                      int stride) {
  return (size + before + after - (std::int64_t{kernel} - 1) * dilation - 1) / stride + 1;
}

void check(const ConvProblem& problem) {
  const Conv2dParams& params = problem.params;
  require(params.groups >= 1 && problem.channels % params.groups == 0,
          "convolution of codes: expected channels divisible by groups, got {} and {}",
          problem.channels, params.groups);
  const Shape weight{problem.out_channels, problem.channels / params.groups, problem.kernel[0],
                     problem.kernel[1]};
  conv2d_output_shape({1, problem.channels, problem.height, problem.width}, weight, params);
  require(static_cast<std::int64_t>(problem.weight.size()) == weight.numel(),
          "convolution of codes: expected {} weights, got {}", weight.numel(),
          problem.weight.size());
  for (const std::int16_t w : problem.weight)
    require(std::abs(w) <= 255, "convolution of codes: expected weights in [-255, 255], got {}", w);
  require(problem.zero_code <= problem.input_max,
          "convolution of codes: expected zero_code <= input_max, got {} and {}", problem.zero_code,
          problem.input_max);
}

/// With at most this many channels, half of each 64-bit word is padding, and lookups of four
/// channels win.
[[maybe_unused]] constexpr std::int64_t kFewChannels = 32;

/// The fastest 1-bit kernel of an instruction set. @param problem  is_binary()
std::unique_ptr<ConvKernel> make_binary_conv(const ConvProblem& problem, Isa isa) {
  switch (isa) {
    case Isa::avx512:
#ifdef QUENCH_HAVE_AVX512
      if (problem.channels > kFewChannels) return make_popcount_conv(problem, kPopcountAvx512);
#endif
      [[fallthrough]];
    case Isa::avx2:
#ifdef QUENCH_HAVE_AVX2
      return make_lookup_conv(problem);
#endif
    case Isa::scalar:
      break;
  }
  return make_popcount_conv(problem, kPopcountScalar);
}

}  // namespace

std::int64_t ConvProblem::out_height() const {
  return out_size(height, params.padding.top, params.padding.bottom, kernel[0], params.dilation[0],
                  params.stride[0]);
}

std::int64_t ConvProblem::out_width() const {
  return out_size(width, params.padding.left, params.padding.right, kernel[1], params.dilation[1],
                  params.stride[1]);
}

bool is_binary(const ConvProblem& problem) {
  return problem.binary_input && problem.params.groups == 1 &&
         std::ranges::all_of(problem.weight, [](std::int16_t w) { return w == -1 || w == 1; });
}

std::unique_ptr<ConvKernel> make_conv_kernel(const ConvProblem& problem, Isa isa, Packing packing) {
  check(problem);
  require(isa <= best_isa(), "convolution of codes: this CPU supports up to {}; {} was requested",
          to_string(best_isa()), to_string(isa));
  if (is_binary(problem)) return make_binary_conv(problem, isa);
  if (isa == Isa::scalar) return make_scalar_conv(problem);
  const bool depthwise = problem.params.groups == problem.channels &&
                         problem.out_channels == problem.channels && problem.channels > 1;
  return depthwise ? make_depthwise_conv(problem, isa) : make_dense_conv(problem, isa, packing);
}

}  // namespace quench::kernels
