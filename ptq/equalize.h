#pragma once

#include <string>
#include <utility>
#include <vector>

#include "layers/module.h"
#include "ptq/fold.h"

namespace quench::ptq {

struct EqualizationReport {
  std::vector<std::pair<std::string, std::string>> pairs;  ///< layers, by name
  /// Layers whose output was not scaled, with the reason: all but those in `pairs` and the last.
  std::vector<std::pair<std::string, std::string>> excluded;
  int sweeps = 0;       ///< number of sweeps over all pairs
  double change = 0.0;  ///< the largest |s - 1| of the last sweep
};

/// Cross-layer equalization (Nagel et al. 2019, arXiv:1906.04721, section 4.1): channel i of a
/// layer is divided by s_i = sqrt(r1_i / r2_i) and multiplied again in the layer that reads it,
/// where r1_i = max|W1[i]| and r2_i = max|W2[:, i]|. Both ranges become sqrt(r1_i r2_i), so one
/// scale per tensor suits all channels. If a range is 0, or below 1e-4 of the largest in its layer,
/// s_i is 1.
///
/// Begins with fold_into_weights(). Applies to each pair of layers with only batch norm, ReLU,
/// pooling or flattening between them, if nothing else reads the tensor and it is not the network's
/// output. ReLU6 and hardtanh are not homogeneous and exclude a pair. Sweeps over all pairs until
/// every s_i is within 1e-4 of 1, at most 100 times; a depthwise layer between two others then has
/// the range (r1 r2 r3)^(1/3) of the closed form for triples.
///
/// Channels whose weights in the next layer are below 1e-4 of its largest weight are scaled down to
/// the largest of the other channels.
///
/// The network's function in evaluation does not change, up to rounding. Quantizers are not
/// changed: they must observe or calibrate afterwards.
EqualizationReport equalize(layers::Module& network);

/// One step for one pair. Returns the s_i by which the producer's output was divided.
/// @throws std::invalid_argument  if the consumer's weight does not match the producer's channels
Tensor equalize_pair(const BatchNormPair& producer, layers::QuantizedLayer& consumer);

/// A layer whose output, after its batch norm and a homogeneous activation, is read by only one
/// layer.
struct EqualizablePair {
  BatchNormPair producer;  ///< the batch norm may be null
  layers::QuantizedLayer* consumer = nullptr;
};

struct EqualizablePairs {
  std::vector<EqualizablePair> pairs;
  std::vector<std::pair<std::string, std::string>> excluded;  ///< name of the producer, reason
};

/// Multiplies each channel between the two layers by a factor > 0, and divides the consumer's
/// weight by it.
/// @param factor  [O], where O is the producer's number of channels
void scale_between(const BatchNormPair& producer, layers::QuantizedLayer& consumer,
                   const Tensor& factor);

/// The pairs of equalize(), for a network after fold_into_weights().
EqualizablePairs equalizable_pairs(layers::Module& network);

/// Whether a batch norm or activation layer ends in ReLU6.
bool is_relu6(layers::Module& module);

/// Replaces every ReLU6 of batch norms and activation layers by ReLU: cross-layer equalization
/// needs an activation that scales with its input (Nagel et al. 2019, arXiv:1906.04721, section
/// 5.1.1). The network's function changes where a value exceeds 6.
/// @return the changed modules, in registration order
std::vector<layers::Module*> replace_relu6(layers::Module& network);

/// The same for a scope; the destructor restores ReLU6.
class Relu6Replaced {
 public:
  explicit Relu6Replaced(layers::Module& network) : changed_(replace_relu6(network)) {}
  ~Relu6Replaced();
  Relu6Replaced(const Relu6Replaced&) = delete;
  Relu6Replaced& operator=(const Relu6Replaced&) = delete;

 private:
  std::vector<layers::Module*> changed_;
};

}  // namespace quench::ptq
