#include "ptq/rescale_depthwise.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "core/communicator.h"
#include "core/ops/elementwise.h"
#include "core/parallel.h"
#include "layers/graph.h"
#include "layers/module.h"
#include "ptq/equalize.h"
#include "ptq/fold.h"
#include "ptq/input_channels.h"
#include "quant/statistics/value_range.h"
#include "support/error.h"

namespace quench::ptq {
namespace {

/// The largest value of each channel at the inputs of some layers. After ReLU6 it represents the
/// largest value before it: between 0 and 6 the two agree, and values <= 0 do not limit a factor.
class LargestInputs final : public layers::ForwardObserver {
 public:
  explicit LargestInputs(const std::vector<EqualizablePair>& pairs) {
    for (const EqualizablePair& pair : pairs) largest_[pair.consumer] = {};
  }
  void after(const layers::Module& module, Inputs inputs, const Variable&) override {
    const auto found = largest_.find(&module);
    if (found == largest_.end()) return;
    const Tensor& x = inputs[0].value();
    const auto channels = static_cast<std::size_t>(x.dim(1));
    found->second.resize(channels, 0.0f);
    // Channels are innermost in memory.
    for (std::size_t i = 0; i < x.span().size(); ++i) {
      float& largest = found->second[i % channels];
      largest = std::max(largest, x.span()[i]);
    }
  }
  /// Over all ranks.
  std::vector<float> of(const layers::Module* reader) const {
    const std::vector<float>& own = largest_.at(reader);
    std::vector<double> largest(own.begin(), own.end());
    communicator().max(largest);
    std::vector<float> result(own.size());
    std::ranges::transform(largest, result.begin(), [](double v) { return static_cast<float>(v); });
    return result;
  }

 private:
  std::map<const layers::Module*, std::vector<float>> largest_;
};

/// Whether there is a ReLU6 between the two.
bool clipped(const layers::Graph& graph, const EqualizablePair& pair) {
  const auto reader = std::ranges::find(graph.nodes(), pair.consumer, &layers::Graph::Node::module);
  const layers::Graph::Node* node = graph.writer(reader->inputs[0]);
  while (node->module != pair.producer.layer && !is_relu6(*node->module))
    node = graph.writer(node->inputs[0]);
  return node->module != pair.producer.layer;
}

bool pointwise(const layers::QuantizedLayer& layer) {
  const Shape& weight = layer.weight().shape();
  return weight.rank() == 4 && weight[2] == 1 && weight[3] == 1 && !layer.depthwise();
}

/// The pairs, with ReLU6 treated as ReLU, which is valid for the chosen factors.
std::vector<EqualizablePair> depthwise_pairs(layers::Module& network,
                                             DepthwiseRescaleReport& report) {
  const Relu6Replaced homogeneous(network);
  EqualizablePairs found = equalizable_pairs(network);
  std::erase_if(found.pairs,
                [](const EqualizablePair& pair) { return !pair.producer.layer->depthwise(); });
  for (const EqualizablePair& pair : found.pairs) {
    if (!pointwise(*pair.consumer))
      report.excluded.emplace_back(pair.producer.layer->name(),
                                   pair.consumer->name() + " is not a 1x1 convolution");
  }
  std::erase_if(found.pairs,
                [](const EqualizablePair& pair) { return !pointwise(*pair.consumer); });
  for (layers::QuantizedLayer* layer : network.quantized_layers()) {
    const auto why = std::ranges::find(found.excluded, layer->name(),
                                       &std::pair<std::string, std::string>::first);
    if (layer->depthwise() && why != found.excluded.end()) report.excluded.push_back(*why);
  }
  return found.pairs;
}

void scale(const EqualizablePair& pair, const std::vector<double>& factors) {
  Tensor up({static_cast<std::int64_t>(factors.size())});
  std::ranges::transform(factors, up.data(), [](double f) { return static_cast<float>(f); });
  scale_between(pair.producer, *pair.consumer, up);
}

void check(const Tensor& depthwise, std::span<const float> largest) {
  require(depthwise.rank() == 4 && depthwise.dim(1) == 1,
          "rescale_depthwise: expected a depthwise weight [C, 1, KH, KW], got {}",
          depthwise.shape().to_string());
  require(largest.empty() || static_cast<std::int64_t>(largest.size()) == depthwise.dim(0),
          "rescale_depthwise: expected largest values for {} channels, got {}", depthwise.dim(0),
          largest.size());
  require(std::ranges::all_of(largest, [](float x) { return std::isfinite(x); }),
          "rescale_depthwise: expected finite largest values");
}

double mean_threshold(const DepthwiseRescale& rescale) {
  const bool any = std::ranges::find(rescale.locked, true) != rescale.locked.end();
  double sum = 0.0, count = 0.0;
  for (std::size_t k = 0; k < rescale.thresholds.size(); ++k) {
    if (any && !rescale.locked[k]) continue;
    sum += rescale.thresholds[k];
    count += 1.0;
  }
  return sum / count;
}

}  // namespace

DepthwiseRescaleReport rescale_depthwise(layers::Module& network,
                                         const std::vector<Tensor>& batches) {
  require(!batches.empty(), "rescale_depthwise: expected at least one batch of images, got none");
  fold_into_weights(network);
  DepthwiseRescaleReport report;
  const std::vector<EqualizablePair> pairs = depthwise_pairs(network, report);
  LargestInputs largest(pairs);
  {
    const FixedOrderScope order;
    const NoGradGuard no_grad;
    const layers::ModeGuard modes(network, false, quant::Mode::bypass);
    for (const Tensor& images : batches) network(Variable(images));
  }
  const layers::Graph graph(network);
  for (const EqualizablePair& pair : pairs) {
    std::vector<float> bounds;
    if (clipped(graph, pair)) bounds = largest.of(pair.consumer);
    const DepthwiseRescale chosen =
        choose_depthwise_rescale(pair.producer.layer->weight().value(), bounds);
    scale(pair, chosen.factors);
    report.pairs.emplace_back(pair.producer.layer->name(), pair.consumer->name());
    report.locked += std::ranges::count(chosen.locked, true);
  }
  return report;
}

DepthwiseRescale choose_depthwise_rescale(const Tensor& depthwise, std::span<const float> largest,
                                          const RescaleOptions& options) {
  check(depthwise, largest);
  const std::vector<quant::Extent> reach =
      quant::finite_extents(depthwise, true, "rescale_depthwise");
  DepthwiseRescale result;
  for (std::size_t k = 0; k < reach.size(); ++k) {
    result.thresholds.push_back(double{reach[k].max_abs});
    result.locked.push_back(!largest.empty() && largest[k] >= options.lock_at);
  }
  result.target = mean_threshold(result);
  for (std::size_t k = 0; k < reach.size(); ++k) {
    const double threshold = result.thresholds[k];
    double factor = 1.0;
    if (!result.locked[k] && threshold > 0.0 && result.target > 0.0) {
      factor = result.target / threshold;
      if (!largest.empty() && largest[k] > 0.0f)
        factor = std::min(factor, double{options.cap} / double{largest[k]});
    }
    result.factors.push_back(factor);
  }
  return result;
}

}  // namespace quench::ptq
