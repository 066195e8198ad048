#pragma once

#include <map>
#include <vector>

#include "layers/batch_norm.h"
#include "layers/quantized_layer.h"

namespace quench {

/// The mean of each input channel [C] of the layers of a network.
using ExpectedInputs = std::map<const Module*, Tensor>;

/// Over all images of `batches`, of every layer with quantizer slots, in evaluation with quantizers
/// bypassed.
ExpectedInputs mean_inputs(Module& network, const std::vector<Tensor>& batches);

/// What follows from batch norms: of each layer whose input is the output of one, but for an
/// activation, average pooling and flattening. Output channel c of a batch norm counts as normal,
/// with the mean bias[c] and the deviation |gain[c]|.
ExpectedInputs batch_norm_means(Module& network);

/// The deviation of each channel that a batch norm puts out, before its activation: |gain| but for
/// eps.
Tensor output_deviations(const BatchNorm& norm);

}  // namespace quench
