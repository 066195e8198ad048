#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "kernels/dense_tile.h"
#include "kernels/padded_image.h"

namespace quench::kernels {

/// A few adjacent codes of a window.
struct DenseStep {
  std::int32_t offset;  ///< bytes from the window's first tap
  std::int32_t weight;  ///< index of the first code's weight within an output channel
  std::int32_t codes;   ///< number of codes; a kernel multiplies the rest by 0
};

/// Splits the window of a group into steps of `codes` codes. Taps that are adjacent in memory form
/// one run, so that few channels leave few holes.
std::vector<DenseStep> dense_steps(const ConvProblem& problem, const PaddedImage& image,
                                   int code_bytes, int codes);

/// The weights of a step, for a block of output channels.
struct WeightStep {
  std::int32_t offset = 0;
  std::vector<std::int16_t> weight;  ///< [lanes][codes of a step]
};

struct ChannelBlock {
  std::int64_t first = 0;     ///< output channel
  std::int64_t channels = 0;  ///< all in one group
  std::int64_t lanes = 0;     ///< channels, padded
};

/// @param codes  per step
std::vector<WeightStep> weight_steps(const ConvProblem& problem,
                                     const std::vector<DenseStep>& steps, const ChannelBlock& block,
                                     int code_bytes, int codes);

/// The weights of a block of output channels, in the order in which a kernel reads them.
class PackedBlock {
 public:
  PackedBlock(const ConvProblem& problem, const ChannelBlock& channels);

  /// @param codes  per step: 4, with 8-bit weights, or 2, with 16-bit weights
  void append(const std::vector<WeightStep>& steps, int codes);
  /// The same for all steps, in order, with weights that fit.
  void append(const ConvProblem& problem, const std::vector<DenseStep>& steps, int codes);

  DenseBlock view() const;
  std::int64_t first_channel() const { return channels_.first; }
  int vectors(int lanes) const { return static_cast<int>(channels_.lanes) / lanes; }

  std::array<std::int32_t, kMaxDepth> groups{};  ///< as DenseBlock's
  std::vector<std::int32_t> pairs;               ///< as DenseBlock's

 private:
  struct alignas(64) Line {
    std::array<std::byte, 64> bytes{};
  };

  ChannelBlock channels_;
  std::vector<std::int32_t> offsets_, start_;
  std::vector<Line> weights_;
  std::size_t weight_bytes_ = 0;
};

/// A convolution packed for one kernel.
struct PackedDense {
  std::string_view name;
  const DenseTiles* tiles = nullptr;
  int code_bytes = 1;
  std::vector<PackedBlock> blocks;
  /// Per pixel, in FMA instructions of 8 products.
  double cost = 0.0;
};

/// The packing with the lowest cost on this instruction set; Packing::quick goes by bounds on the weights and codes
/// instead of packing for every kernel. Not for Isa::scalar.
PackedDense pack_dense(const ConvProblem& problem, Isa isa, Packing packing);

}  // namespace quench::kernels
