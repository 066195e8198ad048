#pragma once

#include <functional>
#include <string>
#include <vector>

#include "autograd/variable.h"

namespace quench::layers {

struct LossOptions {
  std::string name = "cross_entropy";  ///< cross_entropy, squared_hinge or mse
  float label_smoothing = 0.0f;        ///< in [0, 1), for cross_entropy
};

/// Maps logits [N, classes] and labels s32 [N] to a loss of one element, averaged over the batch.
using Loss = std::function<Variable(const Variable& logits, const Tensor& labels)>;

/// The losses, see autograd/loss.h:
///   cross_entropy  on softmax, with label smoothing
///   squared_hinge  mean of max(0, 1 - t z)^2, t = +1 for the label's class and -1 for the others
///   mse            to a one-hot target
/// @throws std::invalid_argument  for an unknown name (the message lists the known ones) or
///                                smoothing out of range
Loss make_loss(const LossOptions& options);
/// The names that make_loss() accepts.
std::vector<std::string> known_losses();

struct DistillationLossOptions {
  std::string name = "rmse";  ///< one of known_distillation_losses()
  float temperature = 4.0f;   ///< for kl; finite, > 0
};

/// Maps logits [N, classes] and a teacher's logits of the same shape to a loss of one element.
using DistillationLoss = std::function<Variable(const Variable& logits, const Tensor& teacher)>;

/// The losses, see autograd/loss.h:
///   rmse       root of the squared distance per image (FAT)
///   smooth_l1  absolute distance, rounded off at 0, per image (FAT's code)
///   kl         divergence of the softmax at a temperature (Hinton et al. 2015)
/// @throws std::invalid_argument  for an unknown name (the message lists the known ones) or a
///                                temperature out of range
DistillationLoss make_distillation_loss(const DistillationLossOptions& options);
/// The names that make_distillation_loss() accepts.
std::vector<std::string> known_distillation_losses();

}  // namespace quench::layers
