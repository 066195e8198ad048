#include "deploy/kernels/binary.h"

#include <algorithm>

#include "deploy/kernels/binary_popcount.h"

namespace quench::deploy {
namespace {

/// Up to here half of the bits of a word of 64 are nobody's, while four of them are looked up.
[[maybe_unused]] constexpr std::int64_t kFewChannels = 32;

}  // namespace

bool is_binary(const ConvProblem& problem) {
  return problem.binary_input && problem.params.groups == 1 &&
         std::ranges::all_of(problem.weight, [](std::int16_t w) { return w == -1 || w == 1; });
}

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

}  // namespace quench::deploy
