#pragma once

#include <string>
#include <utility>
#include <vector>

#include "layers/module.h"
#include "ptq/fold.h"

namespace quench {

struct EqualizationReport {
  std::vector<std::pair<std::string, std::string>> pairs;  ///< layers, by name
  /// Layers whose output was left as it was, with the reason; all but those of `pairs` and the last.
  std::vector<std::pair<std::string, std::string>> excluded;
  int sweeps = 0;       ///< over all pairs
  double change = 0.0;  ///< the largest |s - 1| of the last sweep
};

/// Cross-layer equalization (Nagel et al. 2019, arXiv:1906.04721, section 4.1): channel i of a
/// layer is divided by s_i = sqrt(r1_i / r2_i) and multiplied again in the layer that reads it, with
/// r1_i = max|W1[i]| and r2_i = max|W2[:, i]|, so that both ranges become sqrt(r1_i r2_i) and one
/// scale per tensor serves all channels. Where a range is 0, or below 1e-4 of the largest of its layer,
/// s_i is 1.
///
/// Begins with fold_into_weights(). Takes each pair of layers with nothing between but batch norm,
/// ReLU, pooling or flattening, where nothing else reads the tensor and it is not the network's
/// output. ReLU6 and hardtanh are not homogeneous and exclude a pair.
/// Sweeps over all pairs until no s_i is further than 1e-4 from 1, at most 100 times; a depthwise
/// layer between two others then has the range (r1 r2 r3)^(1/3) of the closed form for triples.
///
/// Channels that the next layer multiplies by next to nothing, below 1e-4 of its largest, are brought
/// down to the largest of the others.
///
/// The network computes the same in evaluation, up to rounding. Quantizers are not touched: they
/// must observe or calibrate after this.
EqualizationReport equalize(Module& network);

/// One step for one pair: returns the s_i by which the producer's output was divided.
/// @throws std::invalid_argument  if the consumer's weight does not fit the producer's channels
Tensor equalize_pair(const BatchNormPair& producer, QuantizedLayer& consumer);

/// A layer whose output, with its batch norm and a homogeneous activation, one other layer reads.
struct EqualizablePair {
  BatchNormPair producer;  ///< the batch norm may be null
  QuantizedLayer* consumer = nullptr;
};

struct EqualizablePairs {
  std::vector<EqualizablePair> pairs;
  std::vector<std::pair<std::string, std::string>> excluded;  ///< name of the producer, reason
};

/// Multiplies each channel between the two by a factor > 0 and divides it again where it is read.
/// @param factor  [O] of the producer
void scale_between(const BatchNormPair& producer, QuantizedLayer& consumer, const Tensor& factor);

/// What equalize() works on: of a network that fold_into_weights() has gone over.
EqualizablePairs equalizable_pairs(Module& network);

/// Whether a batch norm or activation layer ends in ReLU6.
bool is_relu6(Module& module);

/// Puts ReLU in the place of every ReLU6 of batch norms and activation layers: cross-layer
/// equalization needs an activation that scales with its input (Nagel et al. 2019,
/// arXiv:1906.04721, section 5.1.1). What the network computes changes where a value exceeds 6.
/// @return the modules changed, in the order in which they are registered
std::vector<Module*> replace_relu6(Module& network);

/// The same for a scope; in the end the network has its ReLU6 back.
class Relu6Replaced {
 public:
  explicit Relu6Replaced(Module& network) : changed_(replace_relu6(network)) {}
  ~Relu6Replaced();
  Relu6Replaced(const Relu6Replaced&) = delete;
  Relu6Replaced& operator=(const Relu6Replaced&) = delete;

 private:
  std::vector<Module*> changed_;
};

}  // namespace quench
