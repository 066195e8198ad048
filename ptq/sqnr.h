#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "datasets/loader.h"
#include "layers/module.h"

namespace quench::ptq {

/// The quantization noise of one layer, sum or pool, in dB.
struct LayerSqnr {
  std::string layer;
  std::optional<double> weight;  ///< of the quantized weight; nullopt if the weight stays float
  /// For the float network's activations on the slot's grid; for a sum, over both operands.
  std::optional<double> input;
  /// For the quantized network's output against the float one's; after the batch norm and its
  /// activation, if one is folded in.
  double output = 0.0;
  /// The same, normalized per channel.
  double normalized_output = 0.0;
};

/// Measures each layer with a weight, and each sum and pool that quantizes, in order of execution,
/// over the first `batches` batches of `images`, or all if there are fewer. Every quantizer must
/// have its grid. Batch norm and dropout work as in evaluation, and the network does not change.
/// Shows the batches on progress_bar().
/// @param floating  the float reference (with quantizers bypassed): `network` itself, or another
///                  instance of its model
/// @throws std::invalid_argument  if the two have different numbers of layers
std::vector<LayerSqnr> measure_sqnr(layers::Module& floating, layers::Module& network,
                                    datasets::Loader& images, std::int64_t batches);

/// Signal-to-quantization-noise ratio, 10 log10(sum x^2 / sum (x - y)^2) in dB, of an approximation
/// y of x, summed in double over all added values.
class SignalToNoise {
 public:
  /// @throws std::invalid_argument  if the lengths differ
  void add(std::span<const float> signal, std::span<const float> approximation);
  /// Infinity without noise, -infinity without signal.
  double db() const;

 private:
  double signal_ = 0.0;
  double noise_ = 0.0;
};

/// The same after shifting and scaling each channel of y to be nearest to x: the noise that remains
/// after a batch norm. All channels have equal weight.
class NormalizedSignalToNoise {
 public:
  /// @param channels  number of channels, innermost in memory
  /// @throws std::invalid_argument  if the lengths differ, or are not a multiple of `channels`
  void add(std::span<const float> signal, std::span<const float> approximation,
           std::int64_t channels);
  /// At least 0; infinity if the noise is only rounding error. NaN if no channel has a signal.
  double db() const;

 private:
  struct Sums {
    double x = 0.0, y = 0.0, xx = 0.0, yy = 0.0, xy = 0.0;
  };
  std::vector<Sums> channels_;
  double positions_ = 0.0;
};

}  // namespace quench::ptq
