#pragma once

#include "autograd/variable.h"

namespace quench {

// Distances of a network's logits z [N, classes] from a teacher's, which are constants. Sums run in
// double and in a fixed order.
//
// All throw std::invalid_argument if the two have not one shape [N, classes] with N >= 1.

/// sqrt(sum_i (z_i - t_i)^2 / N), the sum over batch and classes; dL/dz = (z - t) / (N L), and 0
/// at distance 0 (FAT: Goncharenko et al. 2018, arXiv:1812.07872).
Variable distillation_rmse(const Variable& logits, const Tensor& teacher);

/// sum_i sqrt((z_i - t_i)^2 + eps) / N; dL/dz = (z - t) / (N sqrt((z - t)^2 + eps)). FAT's code.
/// @param eps  > 0
Variable distillation_smooth_l1(const Variable& logits, const Tensor& teacher, float eps = 1e-5f);

/// T^2 KL(softmax(t / T) || softmax(z / T)), averaged over the batch; dL/dz = T (softmax(z / T) -
/// softmax(t / T)) / N. T^2 keeps the gradient's size as T changes (Hinton et al. 2015,
/// arXiv:1503.02531, section 2).
/// @param temperature  T; finite, > 0
Variable distillation_kl(const Variable& logits, const Tensor& teacher, float temperature);

}  // namespace quench
