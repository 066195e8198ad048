#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/ops/activation.h"
#include "layers/batch_norm.h"
#include "layers/module.h"
#include "layers/quantized_layer.h"

namespace quench::ptq {

/// Where the mean input of a layer comes from.
enum class ExpectedInput : std::uint8_t {
  empirical,  ///< the mean over calibration images
  /// The mean of a clipped normal distribution, from the batch norm and activation before the
  /// layer; for other inputs, from the images as above.
  analytic,
};

struct BiasCorrectionReport {
  std::vector<std::string> corrected;
  /// Layers with a quantized weight that were not corrected, with the reason.
  std::vector<std::pair<std::string, std::string>> skipped;
};

/// Removes the mean error of quantized weights from each layer's output (Nagel et al. 2019,
/// arXiv:1906.04721, section 4.2):
///
///   b <- b - sum over i, kh, kw of (Q(W) - W) E[x_i]
///
/// Q is the quantizer in evaluation; with a folded batch norm, W is the folded weight. E[x_i] is
/// from the float network. The correction goes into the batch norm that directly follows the layer,
/// or else into the layer's bias; a layer with neither is skipped. Border effects of padding are
/// ignored.
///
/// @param batches  calibration images [N, C, H, W], at least one batch; also used in analytic mode,
///                 for layers without a batch norm before them
/// @throws std::invalid_argument  if there are no batches
BiasCorrectionReport correct_biases(layers::Module& network, const std::vector<Tensor>& batches,
                                    ExpectedInput mode);

/// sum over i, kh, kw of (quantized - weight) * expected_input[i], [O].
/// @param weight, quantized  [O, C/groups, KH, KW] or [O, F]
/// @param expected_input     [C]
/// @throws std::invalid_argument  if the shapes do not match
Tensor mean_output_error(const Tensor& weight, const Tensor& quantized,
                         const Tensor& expected_input);

/// The mean of clamp(x, range) for a normal x: with A = (low - mean) / std and B = (high - mean) /
/// std, std (phi(A) - phi(B)) + mean (Phi(B) - Phi(A)) + low Phi(A) + high (1 - Phi(B)).
double clipped_normal_mean(double mean, double std, const ActivationRange& range);

/// The mean of each input channel [C] of the layers of a network.
using ExpectedInputs = std::map<const layers::Module*, Tensor>;

/// The means over all images of `batches`, for every layer with quantizer slots, in evaluation with
/// quantizers bypassed.
ExpectedInputs mean_inputs(layers::Module& network, const std::vector<Tensor>& batches);

/// The means that follow from batch norms, for each layer whose input comes from one, possibly
/// through an activation, average pooling or flattening. Output channel c of a batch norm is taken
/// as normal, with mean bias[c] and deviation |gain[c]|.
ExpectedInputs batch_norm_means(layers::Module& network);

/// The deviation of each output channel of a batch norm, before its activation: |gain|, corrected
/// for eps.
Tensor output_deviations(const layers::BatchNorm& norm);

}  // namespace quench::ptq
