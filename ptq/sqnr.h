#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "datasets/loader.h"
#include "layers/module.h"

namespace quench::train {

/// What quantization does to one layer, sum or pool, in dB.
struct LayerSqnr {
  std::string layer;
  std::optional<double> weight;  ///< of the float weight as its codes; none if it stays float
  /// Of the float network's activations on the grid of the slot, of a sum over both operands.
  std::optional<double> input;
  /// Of what the quantized network computes, against the float one; with a batch norm folded in,
  /// after that and its activation.
  double output = 0.0;
  /// The same, normalized by channel.
  double normalized_output = 0.0;
};

/// Measures each layer with a weight, and each sum and pool that quantizes, in order of execution, over the first `batches` batches of
/// `images`, or all if there are fewer. Every quantizer must have its grid. Batch norm and dropout
/// work as in evaluation, and nothing changes. Shows the batches on progress_bar().
/// @param floating  bypassed, what `network` stands for: `network` itself, or another of its model
/// @throws std::invalid_argument  if the two have different numbers of layers
std::vector<LayerSqnr> measure_sqnr(Module& floating, Module& network, datasets::Loader& images,
                                    std::int64_t batches);

/// Signal-to-quantization-noise ratio, 10 log10(sum x^2 / sum (x - y)^2) in dB, of y that stands
/// for x, summed in double over all that was added.
class SignalToNoise {
 public:
  /// @throws std::invalid_argument  if the lengths differ
  void add(std::span<const float> signal, std::span<const float> approximation);
  /// Infinity where there is no noise, -infinity where there is noise alone.
  double db() const;

 private:
  double signal_ = 0.0;
  double noise_ = 0.0;
};

/// The same once the values of each channel of y are shifted and multiplied so that they are nearest
/// to x: what is left of noise behind a batch norm. Channels weigh the same, whatever their sizes.
class NormalizedSignalToNoise {
 public:
  /// @param channels  of which each position has its values side by side
  /// @throws std::invalid_argument  if the lengths differ, or are no multiple of `channels`
  void add(std::span<const float> signal, std::span<const float> approximation,
           std::int64_t channels);
  /// At least 0; infinity where there is no noise but that of rounding. NaN if no channel has a signal.
  double db() const;

 private:
  struct Sums {
    double x = 0.0, y = 0.0, xx = 0.0, yy = 0.0, xy = 0.0;
  };
  std::vector<Sums> channels_;
  double positions_ = 0.0;
};

}  // namespace quench::train
