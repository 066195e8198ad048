#pragma once

#include "autograd/variable.h"

namespace quench {

/// input [N, I] times the transpose of weight [O, I], plus bias [O] or undefined for none -> [N,
/// O].
/// @throws std::invalid_argument  for other shapes
Variable linear(const Variable& input, const Variable& weight, const Variable& bias = {});

}  // namespace quench
