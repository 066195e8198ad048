#pragma once

#include "autograd/variable.h"
#include "core/ops/batch_norm.h"
#include "core/ops/folded_batch_norm.h"
#include "core/ops/local_response_norm.h"

namespace quench {

/// Differentiable batch normalisation with a fused activation; shapes, options and errors as in
/// core/ops/batch_norm.h.
///
/// @param gain, bias  [C], or undefined for no affine part
/// @param training    true: normalises with the statistics of `x` and updates the running ones in
///                    place; false: normalises with the running ones, which are constants in the
///                    gradient
Variable batch_norm(const Variable& x, const Variable& gain, const Variable& bias,
                    Tensor& running_mean, Tensor& running_var, const BatchNormParams& params,
                    bool training);

/// Differentiable group normalization; shapes and errors as in core/ops/group_norm.h.
Variable group_norm(const Variable& x, const Variable& gain, const Variable& bias,
                    std::int64_t groups, float eps);

/// Differentiable local response normalization, see core/ops/local_response_norm.h.
Variable local_response_norm(const Variable& x, const LocalResponseParams& params);

/// The Variables of FoldedBatchNormInputs.
struct FoldedBatchNormVariables {
  Variable product, plain, gain, bias;
  Variable layer_bias;  ///< undefined for 0
};

/// Differentiable training batch norm for a layer with the gain folded into its weight; function,
/// gradient and shapes as in core/ops/folded_batch_norm.h.
Variable folded_batch_norm(const FoldedBatchNormVariables& variables, BatchNormStatistics batch,
                           Tensor sigma_running);

}  // namespace quench
