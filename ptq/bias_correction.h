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

namespace quench {

/// Where the mean input of a layer comes from.
enum class ExpectedInput : std::uint8_t {
  empirical,  ///< the mean over calibration images
  /// From the batch norm and activation that the input has passed, as the mean of a clipped normal
  /// distribution; where the input comes from elsewhere, from the images as above.
  analytic,
};

struct BiasCorrectionReport {
  std::vector<std::string> corrected;
  /// Layers with a quantized weight that were left alone, with the reason.
  std::vector<std::pair<std::string, std::string>> skipped;
};

/// Takes the mean error of quantized weights out of each layer's output (Nagel et al. 2019,
/// arXiv:1906.04721, section 4.2):
///
///   b <- b - sum over i, kh, kw of (Q(W) - W) E[x_i]
///
/// Q as in evaluation; for a folded batch norm W is the folded weight. E[x_i] is that of the float
/// network. The correction goes to the batch norm that directly follows a layer, or else to the
/// layer's own bias; a layer with neither is skipped. Border effects of padding are ignored.
///
/// @param batches  calibration images [N, C, H, W], at least one batch; analytic expectations need
///                 them for the layers that no batch norm precedes
/// @throws std::invalid_argument  if there are no batches
BiasCorrectionReport correct_biases(Module& network, const std::vector<Tensor>& batches,
                                    ExpectedInput mode);

/// sum over i, kh, kw of (quantized - weight) * expected_input[i], [O].
/// @param weight, quantized  [O, C/groups, KH, KW] or [O, F]
/// @param expected_input     [C]
/// @throws std::invalid_argument  for shapes that do not fit
Tensor mean_output_error(const Tensor& weight, const Tensor& quantized,
                         const Tensor& expected_input);

/// The mean of clamp(x, range) for x normal, for each channel: with A = (low - mean) / std and B =
/// (high - mean) / std, std (phi(A) - phi(B)) + mean (Phi(B) - Phi(A)) + low Phi(A) +
/// high (1 - Phi(B)).
double clipped_normal_mean(double mean, double std, const ActivationRange& range);

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
