#include "ptq/expected_input.h"

#include <cmath>

#include "core/communicator.h"
#include "core/elementwise.h"
#include "core/reduce.h"
#include "layers/activation.h"
#include "layers/dataflow.h"
#include "layers/flatten.h"
#include "layers/mode_guard.h"
#include "layers/pool.h"
#include "layers/unflatten.h"
#include "ptq/bias_correction.h"

namespace quench {
namespace {

class InputMeans final : public ForwardObserver {
 public:
  void after(const Module& module, Inputs inputs, const Variable&) override {
    if (dynamic_cast<const QuantizedLayer*>(&module) == nullptr) return;
    const Tensor& x = inputs[0].value();
    const Tensor sums = sum_per_channel(x);
    Total& total = totals_[&module];
    total.sums.resize(static_cast<std::size_t>(sums.numel()));
    for (std::size_t c = 0; c < total.sums.size(); ++c)
      total.sums[c] += static_cast<double>(sums.span()[c]);
    total.count += static_cast<double>(x.numel()) / static_cast<double>(x.dim(1));
  }

  /// Over the batches of all ranks.
  ExpectedInputs means(Module& network) {
    ExpectedInputs result;
    // In an order that all ranks have: that of the map is one of addresses.
    for (const QuantizedLayer* module : network.quantized_layers()) {
      const auto found = totals_.find(module);
      if (found == totals_.end()) continue;
      Total& total = found->second;
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
  std::map<const Module*, Total> totals_;
};

Tensor means_after(const BatchNorm& norm, Activation activation) {
  const ActivationRange range = range_of(activation);
  return zip(norm.bias().value(), output_deviations(norm), [&range](float mean, float deviation) {
    return static_cast<float>(
        clipped_normal_mean(static_cast<double>(mean), static_cast<double>(deviation), range));
  });
}

/// Whether a module leaves the mean of each channel as it is.
bool keeps_means(const Module& module) {
  return dynamic_cast<const AveragePool2d*>(&module) != nullptr ||
         dynamic_cast<const GlobalAveragePool*>(&module) != nullptr ||
         dynamic_cast<const Flatten*>(&module) != nullptr ||
         dynamic_cast<const Unflatten*>(&module) != nullptr;
}

/// The means of `input` by channel; undefined if it does not come from a batch norm in that way.
Tensor means_of(const Dataflow& flow, const Tensor& input) {
  const Dataflow::Run* run = flow.writer(input);
  while (run != nullptr && keeps_means(*run->module)) run = flow.writer(run->inputs[0]);
  if (run == nullptr) return {};
  if (auto* norm = dynamic_cast<BatchNorm*>(run->module))
    return means_after(*norm, norm->params().activation);

  const auto* activation = dynamic_cast<const ActivationLayer*>(run->module);
  const Dataflow::Run* before = activation == nullptr ? nullptr : flow.writer(run->inputs[0]);
  auto* norm = before == nullptr ? nullptr : dynamic_cast<BatchNorm*>(before->module);
  if (norm == nullptr || norm->params().activation != Activation::none) return {};
  return means_after(*norm, activation->activation());
}

}  // namespace

ExpectedInputs mean_inputs(Module& network, const std::vector<Tensor>& batches) {
  const NoGradGuard no_grad;
  const ModeGuard modes(network, false, quant::Mode::bypass);
  InputMeans observer;
  for (const Tensor& images : batches) network(Variable(images));
  return observer.means(network);
}

ExpectedInputs batch_norm_means(Module& network, const Tensor& image) {
  const Dataflow flow(network, image);
  ExpectedInputs result;
  for (const Dataflow::Run& run : flow.runs()) {
    if (dynamic_cast<QuantizedLayer*>(run.module) == nullptr) continue;
    if (const Tensor means = means_of(flow, run.inputs[0]); means.defined())
      result.emplace(run.module, means);
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
