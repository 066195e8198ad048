#include "ptq/reconstruction/fisher.h"

#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "autograd/arithmetic.h"
#include "autograd/loss.h"
#include "autograd/node.h"
#include "core/ops/elementwise.h"
#include "core/parallel.h"
#include "support/error.h"

namespace quench::ptq {
namespace {

/// L = sum over images of S^2 / (100 N elements), S = sum |d| w: dL/dd = 2 S w sign(d) / (100 N elements).
struct FullFisherNode final : Node {
  Saved a;
  Tensor target, weight;
  std::vector<double> sums;  // S of each image

  FullFisherNode(const Tensor& a_in, Tensor target_in, Tensor weight_in,
                 std::vector<double> sums_in)
      : a(a_in),
        target(std::move(target_in)),
        weight(std::move(weight_in)),
        sums(std::move(sums_in)) {}
  std::string_view name() const override { return "full_fisher"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    const Tensor& value = a.get();
    Tensor grad(value.shape());
    const std::int64_t size = value.numel() / value.dim(0);
    const double factor =
        2.0 * double{grad_output.item()} / (100.0 * static_cast<double>(value.numel()));
    const float *x = value.data(), *t = target.data(), *w = weight.data();
    float* to = grad.data();
    parallel_for(
        value.dim(0), kParallelGrain / size + 1, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t n = begin; n < end; ++n) {
            const auto of_image = static_cast<float>(factor * sums[static_cast<std::size_t>(n)]);
            for (std::int64_t i = n * size; i < (n + 1) * size; ++i) {
              const float d = x[i] - t[i];
              to[i] = d == 0.0f ? 0.0f : std::copysign(of_image * w[i], d);
            }
          }
        });
    return {std::move(grad)};
  }
};

Variable full_fisher(const Variable& a, const Tensor& target, const Tensor& weight) {
  const Tensor& value = a.value();
  const std::int64_t images = value.dim(0), size = value.numel() / images;
  std::vector<double> sums(static_cast<std::size_t>(images), 0.0);
  const float *x = value.data(), *t = target.data(), *w = weight.data();
  parallel_for(images, kParallelGrain / size + 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n)
      for (std::int64_t i = n * size; i < (n + 1) * size; ++i)
        sums[static_cast<std::size_t>(n)] += std::abs(double{x[i]} - double{t[i]}) * double{w[i]};
  });
  double total = 0.0;
  for (const double sum : sums) total += sum * sum;
  const auto loss = static_cast<float>(total / (100.0 * static_cast<double>(value.numel())));
  return record<FullFisherNode>({a}, Tensor::scalar(loss), value, target, weight, std::move(sums));
}

}  // namespace

Variable fisher_loss(const Variable& a, const Tensor& target, const Tensor& weight, Fisher kind) {
  require(a.shape() == target.shape() && a.shape() == weight.shape() && a.shape().rank() >= 2,
          "fisher_loss: expected one shape of rank 2 or more, got {}, {} and {}",
          a.shape().to_string(), target.shape().to_string(), weight.shape().to_string());
  if (kind == Fisher::full) return full_fisher(a, target, weight);
  return lp_loss(multiply(a, Variable(weight)), multiply(target, weight), 2.0f);
}

std::map<layers::ValueId, Tensor> fisher_weights(const layers::Graph& graph,
                                                 const ReconstructionUnit& unit,
                                                 const ValueFlow& quantized,
                                                 const FloatFlow& floating) {
  constexpr float kBatch = 32.0f;
  const std::size_t end = graph.nodes().size();
  std::map<layers::ValueId, Tensor> weights;
  for_each_piece(quantized.images(), [&](std::span<const std::int64_t> images) {
    const Tensor wanted = floating.at(end, images).at(graph.output()).value();
    Values outputs = quantized.at(unit.end, images);
    for (auto& [id, value] : outputs) value = Variable(value.value(), true);
    floating.compute(unit.end, outputs, [&](const Variable& logits) {
      distillation_kl(logits, wanted, 1.0f).backward();
    });
    const float share = static_cast<float>(images.size()) / kBatch;
    for (const layers::ValueId id : unit.outputs) {
      const Variable& output = outputs.at(id);
      const Tensor weight =
          output.grad().defined()
              ? map(output.grad(), [share](float g) { return share * std::abs(g) + 1.0f; })
              : Tensor::full(output.shape(), 1.0f);
      if (!weights.contains(id)) weights[id] = Tensor(weight.shape().with(0, quantized.images()));
      put_rows(weights.at(id), images, weight);
    }
  });
  return weights;
}

}  // namespace quench::ptq
