#pragma once

#include "autograd/variable.h"
#include "core/folded_batch_norm.h"

namespace quench {

/// The Variables of FoldedBatchNormInputs.
struct FoldedBatchNormVariables {
  Variable product, plain, gain, bias;
  Variable layer_bias;  ///< undefined for 0
};

/// Differentiable batch norm of a batch by a layer that carries the gain in its weight; function,
/// gradient and shapes as in core/folded_batch_norm.h.
Variable folded_batch_norm(const FoldedBatchNormVariables& variables, BatchNormStatistics batch,
                           Tensor sigma_running);

}  // namespace quench
