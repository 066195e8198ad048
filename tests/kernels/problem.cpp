#include "kernels/problem.h"

#include <algorithm>
#include <span>
#include <utility>

#include "core/random.h"

namespace quench::kernels {
namespace {

std::int64_t uniform(Random& random, std::int64_t min, std::int64_t max) {
  return min + random.below(static_cast<std::uint32_t>(max - min + 1));
}

}  // namespace

Operands make_operands(ConvProblem problem, int min_weight, int max_weight, Fill fill,
                       std::uint64_t seed) {
  Random random(seed, "kernels");
  const std::int64_t weights = problem.out_channels * problem.kernel[0] * problem.kernel[1] *
                               problem.channels / problem.params.groups;
  problem.weight.resize(static_cast<std::size_t>(weights));
  std::vector<std::uint8_t> image(
      static_cast<std::size_t>(problem.height * problem.width * problem.channels));
  for (std::size_t i = 0; i < problem.weight.size(); ++i) {
    const std::int64_t value = fill == Fill::random     ? uniform(random, min_weight, max_weight)
                               : fill == Fill::extreme  ? min_weight
                               : i / 2 % 2 == i % 3 % 2 ? min_weight
                                                        : max_weight;
    problem.weight[i] = static_cast<std::int16_t>(value);
  }
  for (std::size_t i = 0; i < image.size(); ++i) {
    const std::int64_t value = fill == Fill::random    ? uniform(random, 0, problem.input_max)
                               : fill == Fill::extreme ? problem.input_max
                               : i % 2 == 0            ? problem.input_max
                                                       : 0;
    image[i] = static_cast<std::uint8_t>(value);
  }
  return {std::move(problem), std::move(image)};
}

std::vector<std::int64_t> naive_sums(const Operands& operands) {
  const auto& [p, image] = operands;
  const Conv2dParams& params = p.params;
  const std::int64_t group_channels = p.channels / params.groups;
  const std::int64_t group_outputs = p.out_channels / params.groups;
  std::vector<std::int64_t> sums;
  for (std::int64_t y = 0; y < p.out_height(); ++y) {
    for (std::int64_t x = 0; x < p.out_width(); ++x) {
      for (std::int64_t o = 0; o < p.out_channels; ++o) {
        std::int64_t sum = 0;
        std::size_t w = static_cast<std::size_t>(o * p.kernel[0] * p.kernel[1] * group_channels);
        for (int ky = 0; ky < p.kernel[0]; ++ky) {
          for (int kx = 0; kx < p.kernel[1]; ++kx) {
            const std::int64_t row =
                y * params.stride[0] + ky * params.dilation[0] - params.padding.top;
            const std::int64_t column =
                x * params.stride[1] + kx * params.dilation[1] - params.padding.left;
            for (std::int64_t c = 0; c < group_channels; ++c, ++w) {
              if (row < 0 || row >= p.height || column < 0 || column >= p.width) continue;
              const std::int64_t at =
                  (row * p.width + column) * p.channels + o / group_outputs * group_channels + c;
              sum +=
                  std::int64_t{p.weight[w]} * (image[static_cast<std::size_t>(at)] - p.zero_code);
            }
          }
        }
        sums.push_back(sum);
      }
    }
  }
  return sums;
}

std::vector<std::int64_t> kernel_sums(const ConvKernel& kernel, const Operands& operands,
                                      std::int64_t strip) {
  const ConvProblem& problem = operands.problem;
  // Exactly as long as promised, and filled with garbage that must not matter.
  std::vector<std::byte> workspace(kernel.workspace_bytes(), std::byte{0xff});
  const std::byte* input = std::as_bytes(std::span(operands.image)).data();
  if (kernel.workspace_bytes() > 0) {
    const std::int64_t rows = kernel.workspace_rows();
    kernel.prepare(operands.image.data(), rows / 2, rows, workspace.data());
    kernel.prepare(operands.image.data(), 0, rows / 2, workspace.data());
    input = workspace.data();
  }
  const std::int64_t pixels = problem.out_height() * problem.out_width();
  std::vector<std::int64_t> all;
  for (std::int64_t first = 0; first < pixels; first += strip) {
    const std::int64_t count = std::min(strip, pixels - first);
    std::vector<std::int32_t> sums(static_cast<std::size_t>(count * problem.out_channels), -1);
    kernel.accumulate(input, first, count, sums.data());
    all.insert(all.end(), sums.begin(), sums.end());
  }
  return all;
}

std::vector<Isa> available_isas() {
  std::vector<Isa> isas;
  for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512})
    if (isa <= best_isa()) isas.push_back(isa);
  return isas;
}

}  // namespace quench::kernels
