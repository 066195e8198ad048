#include "kernels/packed_dense.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <utility>

#include "core/parallel.h"
#include "kernels/int16_packing.h"
#include "support/error.h"

namespace quench::kernels {
namespace {

// The cost of a step of 8 output channels and 4 codes, relative to the same 4 FMA in fp32; measured
// on Zen 4 with operands in the L1 cache. [[maybe_unused]]: a build may lack AVX2.
[[maybe_unused]] constexpr double kMadd16Cost = 0.64;
[[maybe_unused]] constexpr double kGroupCost[kMaxDepth] = {0.52, 0.86, 1.26, 1.6};  // per group
[[maybe_unused]] constexpr double kNarrowCost = 0.333, kWidenCost = 0.36;
[[maybe_unused]] constexpr double kDot8Cost = 0.25, kDot16Cost = 0.5;

/// Splits the output channels into blocks of similar size with up to tiles.vectors vectors each.
std::vector<ChannelBlock> channel_blocks(const ConvProblem& problem, const DenseTiles& tiles) {
  const std::int64_t channels = problem.out_channels / problem.params.groups;
  const std::int64_t vectors = (channels + tiles.lanes - 1) / tiles.lanes;
  const std::int64_t count = (vectors + tiles.vectors - 1) / tiles.vectors;
  std::vector<ChannelBlock> blocks;
  for (std::int64_t group = 0; group < problem.params.groups; ++group) {
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t begin = vectors * i / count * tiles.lanes;
      const std::int64_t end = vectors * (i + 1) / count * tiles.lanes;
      blocks.push_back({.first = group * channels + begin,
                        .channels = std::min(end, channels) - begin,
                        .lanes = end - begin});
    }
  }
  return blocks;
}

/// Where the weights and codes of a block's group begin.
struct BlockWeights {
  const std::int16_t* first;  ///< of the block's first channel
  std::int64_t window;        ///< from a channel to the next
  std::int32_t offset;        ///< bytes from a pixel's first code to the group's

  BlockWeights(const ConvProblem& problem, const ChannelBlock& block, int code_bytes) {
    const std::int64_t group_channels = problem.channels / problem.params.groups;
    const std::int64_t group = block.first / (problem.out_channels / problem.params.groups);
    window = group_channels * problem.kernel[0] * problem.kernel[1];
    first = problem.weight.data() + block.first * window;
    offset = static_cast<std::int32_t>(group * group_channels * code_bytes);
  }
};

/// Packs all blocks: `pack` appends the steps of a block and returns their cost.
template <typename Pack>
PackedDense pack_blocks(const ConvProblem& problem, std::string_view name, const DenseTiles& tiles,
                        int codes, Pack pack) {
  PackedDense packed{.name = name, .tiles = &tiles, .code_bytes = codes == 2 ? 2 : 1, .blocks = {}};
  const PaddedImage image(problem, packed.code_bytes);
  const std::vector<DenseStep> steps = dense_steps(problem, image, packed.code_bytes, codes);
  for (const ChannelBlock& channels : channel_blocks(problem, tiles)) {
    PackedBlock block(problem, channels);
    packed.cost += pack(weight_steps(problem, steps, channels, packed.code_bytes, codes), block) *
                   static_cast<double>(channels.lanes) / 8.0;
    packed.blocks.push_back(std::move(block));
  }
  return packed;
}

[[maybe_unused]] PackedDense pack_wide(const ConvProblem& problem, std::string_view name,
                                       const DenseTiles& tiles, double step_cost) {
  return pack_blocks(problem, name, tiles, 2, [&](const auto& steps, PackedBlock& block) {
    block.append(steps, 2);
    return step_cost / 2.0 * static_cast<double>(steps.size());
  });
}

#ifdef QUENCH_HAVE_AVX2

PackedDense pack_maddubs(const ConvProblem& problem) {
  const PairLimit limit(problem.input_max);
  return pack_blocks(problem, "avx2 maddubs", kDenseMaddubsAvx2, 4,
                     [&](const auto& steps, PackedBlock& block) {
                       const auto groups = group_steps(split_steps(steps, limit), limit);
                       double cost = 0.0;
                       for (std::size_t depth = 1; depth <= kMaxDepth; ++depth) {
                         for (const std::vector<WeightStep>& group : groups) {
                           if (group.size() != depth) continue;
                           block.append(group, 4);
                           ++block.groups[depth - 1];
                           cost += kGroupCost[depth - 1];
                         }
                       }
                       return cost;
                     });
}

PackedDense pack_narrow(const ConvProblem& problem) {
  const PairLimit limit(problem.input_max);
  return pack_blocks(
      problem, "avx2 maddubs narrow", kDenseNarrowAvx2, 4,
      [&](const auto& steps, PackedBlock& block) {
        std::vector<WeightStep> fitting = split_steps(steps, limit);
        if (fitting.size() % 2 == 1)  // a step with weights 0
          fitting.push_back(
              {fitting.back().offset, std::vector<std::int16_t>(fitting.back().weight.size())});
        block.pairs = narrow_pairs(fitting, limit);
        if (block.pairs.empty()) return std::numeric_limits<double>::infinity();
        block.append(fitting, 4);
        return kNarrowCost * static_cast<double>(fitting.size()) +
               kWidenCost * static_cast<double>(block.pairs.size());
      });
}

#endif
#ifdef QUENCH_HAVE_AVX512

PackedDense pack_dot8(const ConvProblem& problem) {
  constexpr int kNoLimit = std::numeric_limits<std::int16_t>::max();
  return pack_blocks(problem, "avx512 vnni", kDenseDot8Avx512, 4,
                     [&](const auto& steps, PackedBlock& block) {
                       const auto fitting = split_steps(steps, PairLimit(kNoLimit, kNoLimit));
                       block.append(fitting, 4);
                       return kDot8Cost * static_cast<double>(fitting.size());
                     });
}

#endif

/// All blocks with the steps in their order, for weights that fit the kernel as they are. An odd last step gets a
/// partner without weights.
[[maybe_unused]] PackedDense pack_in_order(const ConvProblem& problem, std::string_view name,
                                           const DenseTiles& tiles, int codes) {
  PackedDense packed{.name = name, .tiles = &tiles, .code_bytes = codes == 2 ? 2 : 1, .blocks = {}};
  const PaddedImage image(problem, packed.code_bytes);
  std::vector<DenseStep> steps = dense_steps(problem, image, packed.code_bytes, codes);
  if (steps.size() % 2 == 1)
    steps.push_back({.offset = steps.back().offset, .weight = 0, .codes = 0});
  for (const ChannelBlock& channels : channel_blocks(problem, tiles))
    packed.blocks.emplace_back(problem, channels);
  parallel_for(std::ssize(packed.blocks), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i)
      packed.blocks[static_cast<std::size_t>(i)].append(problem, steps, codes);
  });
  return packed;
}

#ifdef QUENCH_HAVE_AVX2

/// Weights of at most `largest` each: as many pairs of steps in a row as fit in 16 bits for any such weights.
PackedDense pack_narrow_in_order(const ConvProblem& problem, int largest) {
  const int pairs = 32767 / (problem.input_max * 4 * std::max(largest, 1));
  PackedDense packed = pack_in_order(problem, "avx2 maddubs narrow", kDenseNarrowAvx2, 4);
  for (PackedBlock& block : packed.blocks) {
    for (std::int32_t left = block.view().steps / 2; left > 0; left -= block.pairs.back())
      block.pairs.push_back(std::min(left, pairs));
  }
  return packed;
}

#endif

[[maybe_unused]] PackedDense pack_quick(const ConvProblem& problem, [[maybe_unused]] Isa isa) {
  const auto [low, high] = std::ranges::minmax(problem.weight);
  const int largest = std::max(std::abs(low), std::abs(high));
#ifdef QUENCH_HAVE_AVX512
  if (isa == Isa::avx512) {
    if (low >= -128 && high <= 127)
      return pack_in_order(problem, "avx512 vnni", kDenseDot8Avx512, 4);
    return pack_in_order(problem, "avx512 vnni 16", kDenseDot16Avx512, 2);
  }
#endif
#ifdef QUENCH_HAVE_AVX2
  if (problem.input_max * 4 * largest <= 32767) return pack_narrow_in_order(problem, largest);
  return pack_in_order(problem, "avx2 madd16", kDenseMadd16Avx2, 2);
#else
  fail("no quick packing without AVX2");
#endif
}

}  // namespace

PackedBlock::PackedBlock(const ConvProblem& problem, const ChannelBlock& channels)
    : channels_(channels), start_(static_cast<std::size_t>(channels.lanes)) {
  const auto window = static_cast<std::int64_t>(problem.weight.size()) / problem.out_channels;
  for (std::int64_t lane = 0; lane < channels.channels; ++lane) {
    const std::int16_t* weight = problem.weight.data() + (channels.first + lane) * window;
    std::uint32_t sum = 0;  // modulo 2^32, like the running sums
    for (std::int64_t i = 0; i < window; ++i) sum += static_cast<std::uint32_t>(weight[i]);
    start_[static_cast<std::size_t>(lane)] =
        static_cast<std::int32_t>(0U - sum * static_cast<std::uint32_t>(problem.zero_code));
  }
}

void PackedBlock::append(const std::vector<WeightStep>& steps, int codes) {
  const std::size_t step_bytes = static_cast<std::size_t>(channels_.lanes) * 4;
  for (const WeightStep& step : steps) {
    offsets_.push_back(step.offset);
    weights_.resize((weight_bytes_ + step_bytes + sizeof(Line) - 1) / sizeof(Line));
    std::byte* out = weights_.front().bytes.data() + weight_bytes_;
    if (codes == 2) {
      std::memcpy(out, step.weight.data(), step_bytes);
    } else {
      std::ranges::transform(step.weight, reinterpret_cast<std::int8_t*>(out),
                             [](std::int16_t weight) { return static_cast<std::int8_t>(weight); });
    }
    weight_bytes_ += step_bytes;
  }
}

void PackedBlock::append(const ConvProblem& problem, const std::vector<DenseStep>& steps,
                         int codes) {
  const BlockWeights block(problem, channels_, codes == 2 ? 2 : 1);
  const auto lanes = static_cast<std::size_t>(channels_.lanes);
  const std::size_t end = weight_bytes_ + steps.size() * lanes * 4;
  weights_.resize((end + sizeof(Line) - 1) / sizeof(Line));
  std::byte* out = weights_.front().bytes.data() + weight_bytes_;
  for (const DenseStep& step : steps) {
    offsets_.push_back(step.offset + block.offset);
    const std::int16_t* weight = block.first + step.weight;
    for (std::int64_t lane = 0; lane < channels_.channels; ++lane, weight += block.window) {
      if (codes == 2) {
        std::memcpy(out + lane * 4, weight, static_cast<std::size_t>(step.codes) * 2);
      } else {
        std::int8_t four[4] = {};
        for (std::int32_t i = 0; i < step.codes; ++i) four[i] = static_cast<std::int8_t>(weight[i]);
        std::memcpy(out + lane * 4, four, 4);
      }
    }
    out += lanes * 4;
  }
  weight_bytes_ = end;
}

DenseBlock PackedBlock::view() const {
  DenseBlock block{.offsets = offsets_.data(),
                   .weights = weights_.front().bytes.data(),
                   .start = start_.data(),
                   .pairs = pairs.data(),
                   .steps = static_cast<std::int32_t>(offsets_.size()),
                   .channels = static_cast<std::int32_t>(channels_.channels)};
  std::ranges::copy(groups, block.groups);
  return block;
}

PackedDense pack_dense([[maybe_unused]] const ConvProblem& problem, [[maybe_unused]] Isa isa,
                       Packing packing) {
  if (packing == Packing::quick) return pack_quick(problem, isa);
  std::vector<PackedDense> choices;
#ifdef QUENCH_HAVE_AVX512
  if (isa == Isa::avx512) {
    choices.push_back(pack_dot8(problem));
    choices.push_back(pack_wide(problem, "avx512 vnni 16", kDenseDot16Avx512, kDot16Cost));
  }
#endif
#ifdef QUENCH_HAVE_AVX2
  if (isa == Isa::avx2) {
    choices.push_back(pack_narrow(problem));
    choices.push_back(pack_maddubs(problem));
    choices.push_back(pack_wide(problem, "avx2 madd16", kDenseMadd16Avx2, kMadd16Cost));
  }
#endif
  return std::move(*std::ranges::min_element(choices, {}, &PackedDense::cost));
}

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
  const BlockWeights weights(problem, block, code_bytes);
  std::vector<WeightStep> all;
  all.reserve(steps.size());
  for (const DenseStep& step : steps) {
    WeightStep packed{step.offset + weights.offset,
                      std::vector<std::int16_t>(static_cast<std::size_t>(block.lanes * codes))};
    const std::int16_t* weight = weights.first + step.weight;
    for (std::int64_t lane = 0; lane < block.channels; ++lane)
      std::copy_n(weight + lane * weights.window, step.codes, packed.weight.begin() + lane * codes);
    all.push_back(std::move(packed));
  }
  return all;
}

}  // namespace quench::kernels
