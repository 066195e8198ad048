#pragma once

#include "autograd/variable.h"

namespace quench {

/// [N, O]: input [N, I] times the transpose of weight [O, I], plus bias [O] unless undefined.
/// @throws std::invalid_argument  for other shapes
Variable linear(const Variable& input, const Variable& weight, const Variable& bias = {});

}  // namespace quench
