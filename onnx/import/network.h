#pragma once

#include <memory>
#include <string>

#include "core/random.h"
#include "layers/models/model_input.h"
#include "layers/module.h"
#include "onnx/file/model.h"

namespace quench {

struct OnnxNetworkOptions {
  bool fold_batch_norm = false;  ///< into the convolution before it, where there is one; else kept
  bool random_weights = false;   ///< to train from scratch: drawn ones in the place of the file's
  /// Weights of layers are not read and hold anything: nothing is computed.
  bool shapes_only = false;
  bool quantizers = true;     ///< those of a quantized graph in its slots; else all is float
  bool replace_head = false;  ///< a new last layer, drawn, for as many classes as the data has
};

/// A trainable network that computes what the graph does: a convolutional network from images to logits.
/// Its quantizer slots are empty, but for those of a quantized graph:
///
/// Where a layer, sum, product, pool or function reads an activation through QuantizeLinear and
/// DequantizeLinear, or QONNX's Quant or BipolarQuant, and where its weight comes out of them, its slot
/// has a quantizer on exactly that grid (quant/strategies/fixed.h). Max pools and what else moves numbers
/// pass an activation's grid on; whatever has no slot reads numbers that a function of its own, the
/// identity, has rounded. The weight keeps the values of its codes.
///
/// Operators (sets from 7 on): Conv, BatchNormalization, Relu, Clip, LeakyRelu, HardSigmoid, HardSwish,
/// Sigmoid, Add, Sub, Mul, Div, Concat, MaxPool, AveragePool, GlobalAveragePool, ReduceMean over H and
/// W, Gemm, MatMul, Flatten, Reshape, Squeeze, Unsqueeze, Transpose, Pad, Slice of an image in steps from
/// its first row or column to its last, Dropout, Softmax and LogSoftmax at the end (left out: training
/// and predicting take logits), Identity, Cast. What does not depend on pixels, such as the sizes for a
/// Reshape or a Pad, is computed here, by the operators of onnx/import/constant_folding.h.
///
/// What only moves numbers (Transpose between channels-first and channels-last, Flatten and Reshape to
/// [N, F]) becomes a renumbering of weights. A Relu or Clip that alone reads a BatchNormalization or an
/// Add is part of that module; zeros of a Pad are part of a convolution that reads them; an Add of
/// constants is the bias of a layer that has none. All other nodes are modules under their names, with
/// dots as "_".
/// @param file   begins messages
/// @param input  the data set's; the graph has to fit it
/// @throws std::runtime_error  listing every operator that is not known, with its nodes; or naming the
///                             node that does what quench has no module for, or sizes that do not fit
std::unique_ptr<Module> make_onnx_network(const OnnxModel& model, const std::string& file,
                                          const models::ModelInput& input,
                                          const OnnxNetworkOptions& options, Random& random);

/// The images and classes that a graph is made for, from its own shapes; a number of classes that is left
/// open is that of the network.
/// @throws std::runtime_error  if a size of the images is left open, other than the batch's
models::ModelInput onnx_model_input(const OnnxModel& model, const std::string& file);

}  // namespace quench
