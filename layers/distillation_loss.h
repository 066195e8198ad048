#pragma once

#include <functional>
#include <string>
#include <vector>

#include "autograd/variable.h"

namespace quench {

struct DistillationLossOptions {
  std::string name = "rmse";  ///< one of known_distillation_losses()
  float temperature = 4.0f;   ///< of kl; finite, > 0
};

/// Takes logits [N, classes] and a teacher's of the same shape to a loss of one element.
using DistillationLoss = std::function<Variable(const Variable& logits, const Tensor& teacher)>;

/// The losses, see autograd/distillation_loss.h:
///   rmse       root of the squared distance per image (FAT)
///   smooth_l1  absolute distance, rounded off at 0, per image (FAT's code)
///   kl         divergence of the softmax at a temperature (Hinton et al. 2015)
/// @throws std::invalid_argument  for an unknown name (the message lists the known ones) or a
///                                temperature out of range
DistillationLoss make_distillation_loss(const DistillationLossOptions& options);
/// The names that make_distillation_loss() takes.
std::vector<std::string> known_distillation_losses();

}  // namespace quench
