#include "deploy/kernels/dense_steps.h"

#include <algorithm>

namespace quench::deploy {

std::vector<DenseStep> dense_steps(const ConvProblem& problem, const PaddedImage& image,
                                   int code_bytes, int codes) {
  const auto group_channels = static_cast<std::int32_t>(problem.channels / problem.params.groups);
  std::vector<DenseStep> runs;
  for (int ky = 0; ky < problem.kernel[0]; ++ky) {
    for (int kx = 0; kx < problem.kernel[1]; ++kx) {
      const auto offset = static_cast<std::int32_t>(image.tap(ky, kx));
      const std::int32_t weight = (ky * problem.kernel[1] + kx) * group_channels;
      if (!runs.empty() && runs.back().offset + runs.back().codes * code_bytes == offset) {
        runs.back().codes += group_channels;
      } else {
        runs.push_back({offset, weight, group_channels});
      }
    }
  }
  std::vector<DenseStep> steps;
  for (const DenseStep& run : runs) {
    for (std::int32_t at = 0; at < run.codes; at += codes) {
      steps.push_back({run.offset + at * code_bytes, run.weight + at,
                       std::min<std::int32_t>(codes, run.codes - at)});
    }
  }
  return steps;
}

std::vector<WeightStep> weight_steps(const ConvProblem& problem,
                                     const std::vector<DenseStep>& steps, const ChannelBlock& block,
                                     int code_bytes, int codes) {
  const std::int64_t group_channels = problem.channels / problem.params.groups;
  const std::int64_t group = block.first / (problem.out_channels / problem.params.groups);
  const std::int64_t window = group_channels * problem.kernel[0] * problem.kernel[1];
  const auto group_offset = static_cast<std::int32_t>(group * group_channels * code_bytes);
  std::vector<WeightStep> all;
  all.reserve(steps.size());
  for (const DenseStep& step : steps) {
    WeightStep packed{step.offset + group_offset,
                      std::vector<std::int16_t>(static_cast<std::size_t>(block.lanes * codes))};
    const std::int16_t* weight = problem.weight.data() + block.first * window + step.weight;
    for (std::int64_t lane = 0; lane < block.channels; ++lane)
      std::copy_n(weight + lane * window, step.codes, packed.weight.begin() + lane * codes);
    all.push_back(std::move(packed));
  }
  return all;
}

}  // namespace quench::deploy
