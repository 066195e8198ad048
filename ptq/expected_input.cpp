#include "ptq/expected_input.h"

#include <cmath>

#include "core/communicator.h"
#include "core/ops/elementwise.h"
#include "core/ops/reduce.h"
#include "layers/activation.h"
#include "layers/graph.h"
#include "layers/module.h"
#include "ptq/bias_correction.h"

namespace quench {
namespace {

class InputMeans final : public ForwardObserver {
 public:
  explicit InputMeans(Module& network) : layers_(network.quantized_layers()) {
    for (const QuantizedLayer* layer : layers_) totals_[layer];
  }

  void after(const Module& module, Inputs inputs, const Variable&) override {
    const auto found = totals_.find(&module);
    if (found == totals_.end()) return;
    const Tensor& x = inputs[0].value();
    const Tensor sums = sum_per_channel(x);
    Total& total = found->second;
    total.sums.resize(static_cast<std::size_t>(sums.numel()));
    for (std::size_t c = 0; c < total.sums.size(); ++c)
      total.sums[c] += static_cast<double>(sums.span()[c]);
    total.count += static_cast<double>(x.numel()) / static_cast<double>(x.dim(1));
  }

  /// Over the batches of all ranks.
  ExpectedInputs means() {
    ExpectedInputs result;
    // In an order that all ranks have: that of the map is one of addresses.
    for (const QuantizedLayer* module : layers_) {
      Total& total = totals_.at(module);
      if (total.sums.empty()) continue;  // it did not run
      communicator().sum(total.sums);
      total.count = sum_over_ranks(total.count);
      Tensor mean(Shape{static_cast<std::int64_t>(total.sums.size())});
      for (std::size_t c = 0; c < total.sums.size(); ++c)
        mean.span()[c] = static_cast<float>(total.sums[c] / total.count);
      result.emplace(module, mean);
    }
    return result;
  }

 private:
  struct Total {
    std::vector<double> sums;
    double count = 0.0;
  };
  std::vector<QuantizedLayer*> layers_;
  std::map<const Module*, Total> totals_;
};

Tensor means_after(const BatchNorm& norm, Activation activation) {
  const ActivationRange range = range_of(activation);
  return zip(norm.bias().value(), output_deviations(norm), [&range](float mean, float deviation) {
    return static_cast<float>(
        clipped_normal_mean(static_cast<double>(mean), static_cast<double>(deviation), range));
  });
}

/// Whether a layer leaves the mean of each channel as it is.
bool keeps_means(const Layer& layer) {
  return std::visit(
      Overloaded{
          [](OneOf<AveragePool2d, GlobalAveragePool, Flatten, Unflatten> auto) { return true; },
          [](OneOf<Conv2d, Linear, BatchNorm, ScaleShift, ActivationLayer, PointwiseFunction, Add,
                   Multiply, Concat, Pad, MaxPool2d> auto) { return false; },
          [](const CustomLayer&) { return false; }},
      layer);
}

const BatchNorm* as_batch_norm(const Graph::Node* node) {
  auto* const* norm = node == nullptr ? nullptr : std::get_if<BatchNorm*>(&node->layer);
  return norm == nullptr ? nullptr : *norm;
}

/// The means of a value by channel; undefined if it does not come from a batch norm in that way.
Tensor means_of(const Graph& graph, ValueId value) {
  const Graph::Node* node = graph.writer(value);
  while (node != nullptr && keeps_means(node->layer)) node = graph.writer(node->inputs[0]);
  if (node == nullptr) return {};
  if (const BatchNorm* norm = as_batch_norm(node))
    return means_after(*norm, norm->params().activation);

  auto* const* activation = std::get_if<ActivationLayer*>(&node->layer);
  if (activation == nullptr) return {};
  const BatchNorm* norm = as_batch_norm(graph.writer(node->inputs[0]));
  if (norm == nullptr || norm->params().activation != Activation::none) return {};
  return means_after(*norm, (*activation)->activation());
}

}  // namespace

ExpectedInputs mean_inputs(Module& network, const std::vector<Tensor>& batches) {
  const NoGradGuard no_grad;
  const ModeGuard modes(network, false, quant::Mode::bypass);
  InputMeans observer(network);
  for (const Tensor& images : batches) network(Variable(images));
  return observer.means();
}

ExpectedInputs batch_norm_means(Module& network) {
  const Graph graph(network);
  ExpectedInputs result;
  for (const Graph::Node& node : graph.nodes()) {
    if (node.module->as_quantized_layer() == nullptr) continue;
    if (const Tensor means = means_of(graph, node.inputs[0]); means.defined())
      result.emplace(node.module, means);
  }
  return result;
}

Tensor output_deviations(const BatchNorm& norm) {
  const float eps = norm.params().eps;
  return zip(norm.gain().value(), norm.running_var(), [eps](float gain, float variance) {
    const auto v = static_cast<double>(variance);
    return static_cast<float>(std::abs(static_cast<double>(gain)) *
                              std::sqrt(v / (v + static_cast<double>(eps))));
  });
}

}  // namespace quench
