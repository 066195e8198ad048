#include <array>

#include "core/ops/elementwise.h"
#include "core/ops/gemm.h"
#include "layers/batch_norm.h"
#include "vectors/operations.h"

namespace quench::vectors {
namespace {

using namespace quench::layers;

/// The case's batch norm; its momentum is the weight of the old statistics.
std::unique_ptr<BatchNorm> batch_norm_of(const Case& c) {
  const Tensor gain = tensor(c.inputs["gamma"]);
  const float kept = c.params.value("momentum", 0.9f);
  auto norm = std::make_unique<BatchNorm>(
      gain.dim(0), BatchNormParams{.eps = c.params["eps"].get<float>(), .momentum = 1.0f - kept});
  norm->gain().mutable_value().copy_from(gain);
  norm->bias().mutable_value().copy_from(tensor(c.inputs["beta"]));
  norm->running_mean().copy_from(tensor(c.inputs["mean"]));
  norm->running_var().copy_from(tensor(c.inputs["var"]));
  return norm;
}

void fold(const Case& c, Comparison& out) {
  const auto norm = batch_norm_of(c);
  const FoldedBatchNorm folded(*norm);
  out.f32("w_fold", folded.weight(Variable(tensor(c.inputs["w"]))).value(), c.expect["w_fold"]);
  out.f32("b_fold", folded.bias(Variable(tensor(c.inputs["b"]))).value(), c.expect["b_fold"]);
}

void train_fold(const Case& c, Comparison& out) {
  const auto norm = batch_norm_of(c);
  const FoldedBatchNorm folded(*norm);
  const Tensor x = tensor(c.inputs["x"]), w = tensor(c.inputs["w"]);
  const Tensor corrected = folded.weight(Variable(w)).value();
  const Tensor product = matmul(x, false, corrected, true);
  out.f32("w_corrected", corrected, c.expect["w_corrected"]);
  out.f32("y_frozen", add_per_channel(product, folded.bias({}).value()), c.expect["y_frozen"]);

  const Variable plain(matmul(x, false, w, true));
  out.f32("y_unfrozen", folded.normalize(Variable(product), plain, {}).value(),
          c.expect["y_unfrozen"]);
  out.f32("mean_next", norm->running_mean(), c.expect["mean_next"]);
  out.f32("var_next_unbiased", norm->running_var(), c.expect["var_next_unbiased"]);
}

constexpr std::array kOperations{Operation{"bn.fold", fold},
                                 Operation{"bn.train_fold", train_fold}};

}  // namespace

std::span<const Operation> bn_fold_operations() { return kOperations; }

}  // namespace quench::vectors
