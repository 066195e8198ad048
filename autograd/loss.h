#pragma once

#include "autograd/variable.h"

namespace quench {

// Losses: scalar means over the batch, summed in double and in a fixed order.

/// Mean over the batch of -sum_c target[c] * log softmax(logits)[c], where target is
/// (1 - label_smoothing) at the label plus label_smoothing / C everywhere (Szegedy et al. 2016,
/// arXiv:1512.00567, section 7).
///
/// @param logits           [N, C], N >= 1
/// @param labels           s32 [N], each in 0 .. C-1
/// @param label_smoothing  in [0, 1]
/// @throws std::invalid_argument  if an argument is out of range; the message names a bad label and
///                                its row
Variable cross_entropy(const Variable& logits, const Tensor& labels, float label_smoothing = 0.0f);

/// Mean over all N * C entries of max(0, 1 - t * z)^2 with t = +1 for the label's class and -1 for
/// the others (the loss of BinaryConnect and BinaryNet, Courbariaux et al. 2016). Arguments as for
/// cross_entropy.
Variable squared_hinge(const Variable& logits, const Tensor& labels);

/// Mean over all elements of (a - target)^2; the target is a constant.
/// @throws std::invalid_argument  if the shapes differ or there are no elements
Variable mse(const Variable& a, const Tensor& target);

/// The sum over channels of |a - target|^p, averaged over all other axes; the target is a constant.
/// @param p  > 1
/// @throws std::invalid_argument  if the shapes differ, there are no elements or rank < 2
Variable lp_loss(const Variable& a, const Tensor& target, float p);

// Distances between a network's logits z [N, classes] and a teacher's logits t, which are
// constants. Summed in double and in a fixed order.
//
// All throw std::invalid_argument unless both have the same shape [N, classes] with N >= 1.

/// sqrt(sum_i (z_i - t_i)^2 / N), summed over batch and classes; dL/dz = (z - t) / (N L), and 0 at
/// distance 0 (FAT: Goncharenko et al. 2018, arXiv:1812.07872).
Variable distillation_rmse(const Variable& logits, const Tensor& teacher);

/// sum_i sqrt((z_i - t_i)^2 + eps) / N; dL/dz = (z - t) / (N sqrt((z - t)^2 + eps)). From FAT's
/// code.
/// @param eps  > 0
Variable distillation_smooth_l1(const Variable& logits, const Tensor& teacher, float eps = 1e-5f);

/// T^2 KL(softmax(t / T) || softmax(z / T)), averaged over the batch; dL/dz = T (softmax(z / T) -
/// softmax(t / T)) / N. T^2 keeps the gradient's size as T changes (Hinton et al. 2015,
/// arXiv:1503.02531, section 2).
/// @param temperature  T; finite, > 0
Variable distillation_kl(const Variable& logits, const Tensor& teacher, float temperature);

}  // namespace quench
