#pragma once

#include <memory>
#include <string>

#include "core/random.h"
#include "layers/models/model_input.h"
#include "layers/module.h"
#include "onnx/file/model.h"

namespace quench::onnx {

struct OnnxNetworkOptions {
  bool fold_batch_norm = false;  ///< into the convolution before it, if there is one; else kept
  bool random_weights =
      false;  ///< initialize weights instead of reading the file's, to train from scratch
  /// Layers' weights are not read and have arbitrary values; only shapes are valid.
  bool shapes_only = false;
  bool quantizers = true;     ///< use a quantized graph's quantizers; else all is float
  bool replace_head = false;  ///< replace the last layer by a new one for the data's classes
};

/// Builds a trainable network that computes the same function as the graph, a convolutional network
/// from images to logits. Its quantizer slots are empty, except for a quantized graph:
///
/// If a layer, sum, product, pool or function reads an activation or weight through QuantizeLinear
/// and DequantizeLinear, or QONNX's Quant or BipolarQuant, its slot gets a quantizer with exactly
/// that grid (quant/strategies/fixed.h). Max pools and other modules that move values pass on an
/// activation's grid. Modules without slots read values that an inserted identity function has
/// rounded. Weights keep the values of their codes.
///
/// Operators (operator sets 7 and later): Conv, BatchNormalization, Relu, Clip, LeakyRelu,
/// HardSigmoid, HardSwish, Sigmoid, Add, Sub, Mul, Div, Concat, MaxPool, AveragePool,
/// GlobalAveragePool, ReduceMean over H and W, Gemm, MatMul, Flatten, Reshape, Squeeze, Unsqueeze,
/// Transpose, Pad, Slice of an image in steps from its first row or column to its last, Dropout,
/// Softmax and LogSoftmax at the end (removed: training and prediction use logits), Identity, Cast.
/// Values that do not depend on pixels, such as the sizes for a Reshape or a Pad, are computed
/// during import by onnx/import/constant_folding.h.
///
/// Nodes that only move values (Transpose between channels-first and channels-last, Flatten and
/// Reshape to [N, F]) become a permutation of weights. A Relu or Clip that is the only reader of a
/// BatchNormalization or an Add becomes part of that module. Zeros of a Pad become part of a
/// convolution that reads them. An Add of constants becomes the bias of a layer without one. All
/// other nodes become modules with their names, with dots replaced by "_".
/// @param file   begins messages
/// @param input  of the data set; must match the graph
/// @throws std::runtime_error  listing all unsupported operators and nodes with the reasons, or
///                             naming sizes that do not match
std::unique_ptr<layers::Module> make_onnx_network(const OnnxModel& model, const std::string& file,
                                                  const layers::models::ModelInput& input,
                                                  const OnnxNetworkOptions& options,
                                                  Random& random);

/// The image size and number of classes from the graph's own shapes; an undeclared number of
/// classes is inferred from the network.
/// @throws std::runtime_error  if an image size other than the batch's is open
layers::models::ModelInput onnx_model_input(const OnnxModel& model, const std::string& file);

}  // namespace quench::onnx
