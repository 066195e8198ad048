#include "ptq/equalize.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/ops/elementwise.h"
#include "core/ops/reduce.h"
#include "layers/activation.h"
#include "layers/batch_norm.h"
#include "layers/graph.h"
#include "layers/shape_layers.h"
#include "ptq/input_channels.h"

namespace quench::ptq {
namespace {

constexpr int kMostSweeps = 100;
constexpr double kSettled = 1e-4;
constexpr float kDead = 1e-4f;  // relative to the largest range

/// The largest |w| of each output channel, [O].
Tensor output_ranges(const Tensor& weight) {
  Tensor ranges = Tensor::zeros({weight.dim(0)});
  const std::int64_t slice = weight.numel() / weight.dim(0);
  for (std::int64_t i = 0; i < weight.numel(); ++i) {
    float& range = ranges.data()[i / slice];
    range = std::max(range, std::abs(weight.data()[i]));
  }
  return ranges;
}

double largest_change(const Tensor& factors) {
  double change = 0.0;
  for (const float s : factors.span())
    change = std::max(change, std::abs(static_cast<double>(s) - 1.0));
  return change;
}

/// Channels that the next layer hardly reads have no range to balance, but would set the scale for
/// all: they are scaled down to the largest channel that is read.
void lower_unread(const BatchNormPair& producer, layers::QuantizedLayer& consumer) {
  const Tensor from = output_ranges(producer.layer->weight().value());
  const Tensor to = input_ranges(consumer, from.dim(0));
  const float unread = kDead * max_abs(to);
  const float largest =
      max_abs(zip(from, to, [unread](float r1, float r2) { return r2 > unread ? r1 : 0.0f; }));
  if (largest == 0.0f) return;
  scale_between(producer, consumer, zip(from, to, [unread, largest](float r1, float r2) {
                  return r2 <= unread && r1 > largest ? largest / r1 : 1.0f;
                }));
}

/// Why a positive channel factor does not pass through a layer to the same channel; empty if it
/// does.
class Obstacle {
 public:
  explicit Obstacle(const layers::Graph::Node& node)
      : name_(node.module->name()), joins_(node.inputs.size() > 1) {}

  std::string operator()(const layers::ActivationLayer* layer) const {
    return of(layer->activation());
  }
  std::string operator()(const layers::Pad* pad) const { return pad->pads_channels() ? own() : ""; }
  std::string operator()(
      layers::OneOf<layers::SelectPixels, layers::Upsample, layers::BilinearResize,
                    layers::MaxPool2d, layers::AveragePool2d, layers::GlobalAveragePool,
                    layers::Flatten, layers::Unflatten> auto) const {
    return "";
  }
  std::string operator()(const layers::Add*) const { return "a sum reads its output"; }
  std::string operator()(
      layers::OneOf<layers::Multiply, layers::Extremum, layers::Concat> auto) const {
    return joined();
  }
  std::string operator()(const layers::SelectChannels*) const {
    return name_ + " selects channels of its output";
  }
  std::string operator()(const layers::Rearrange*) const {
    return name_ + " rearranges its output";
  }
  std::string operator()(
      layers::OneOf<layers::Conv2d, layers::Linear, layers::BatchNorm, layers::GroupNorm,
                    layers::LocalResponseNorm, layers::ScaleShift, layers::PointwiseFunction,
                    layers::PRelu> auto) const {
    return own();
  }
  std::string operator()(const layers::CustomLayer&) const { return joins_ ? joined() : own(); }

  static std::string of(Activation activation) {
    const bool homogeneous = activation == Activation::none || activation == Activation::relu;
    return homogeneous ? ""
                       : fmt::format("{} does not scale with its input", to_string(activation));
  }

 private:
  std::string joined() const { return name_ + " joins its output with others"; }
  std::string own() const { return name_ + " after it has its own factors"; }

  const std::string& name_;
  bool joins_;
};

std::string shared_weight_text(const layers::QuantizedLayer& layer) {
  return fmt::format("the weight of {} is shared with other layers", layer.name());
}

/// Follows a layer's output to the one layer that reads it.
struct Path {
  Path(const layers::Graph& graph, const layers::Graph::Node& producer) {
    const layers::QuantizedLayer& layer = *producer.module->as_quantized_layer();
    if (layer.shares_weight()) reason = shared_weight_text(layer);
    if (!reason.empty()) return;
    const layers::Graph::Node* node = reader(graph, producer);
    if (node == nullptr) return;
    if (auto* const* found = std::get_if<layers::BatchNorm*>(&node->layer)) {
      norm = *found;
      reason = Obstacle::of(norm->params().activation);
      if (reason.empty()) node = reader(graph, *node);
    }
    while (reason.empty() && node != nullptr) {
      consumer = node->module->as_quantized_layer();
      if (consumer != nullptr && consumer->shares_weight()) {
        reason = shared_weight_text(*std::exchange(consumer, nullptr));
        return;
      }
      if (consumer != nullptr) return;
      reason = std::visit(Obstacle(*node), node->layer);
      if (reason.empty()) node = reader(graph, *node);
    }
  }

  layers::BatchNorm* norm = nullptr;
  layers::QuantizedLayer* consumer = nullptr;
  std::string reason;  ///< why there is no consumer; empty if the network ends here

 private:
  const layers::Graph::Node* reader(const layers::Graph& graph, const layers::Graph::Node& node) {
    const auto readers = graph.readers(node.output);
    if (readers.size() > 1) reason = fmt::format("{} layers read its output", readers.size());
    if (readers.size() == 1 && node.output == graph.output())
      reason = "its output is also the network's output";
    return reason.empty() && readers.size() == 1 ? readers[0] : nullptr;
  }
};

Tensor inverse(const Tensor& factor) {
  return map(factor, [](float f) { return 1.0f / f; });
}

/// The activation of a batch norm or activation layer; `none` for any other module, even if it has
/// one.
Activation activation_of(layers::Module& module) {
  return std::visit(
      layers::Overloaded{
          [](const layers::BatchNorm* norm) { return norm->params().activation; },
          [](const layers::ActivationLayer* layer) { return layer->activation(); },
          // The output of a sum has two producers and belongs to no pair.
          [](const layers::Add*) { return Activation::none; },
          [](layers::OneOf<layers::Conv2d, layers::Linear, layers::GroupNorm,
                           layers::LocalResponseNorm, layers::ScaleShift, layers::PointwiseFunction,
                           layers::PRelu, layers::Multiply, layers::Extremum, layers::Concat,
                           layers::SelectChannels, layers::SelectPixels, layers::Pad,
                           layers::Upsample, layers::BilinearResize, layers::Rearrange,
                           layers::MaxPool2d, layers::AveragePool2d, layers::GlobalAveragePool,
                           layers::Flatten, layers::Unflatten> auto) { return Activation::none; },
          [](const layers::CustomLayer&) { return Activation::none; }},
      module.as_layer());
}

void set_activation(layers::Module& module, Activation activation) {
  const layers::Layer layer = module.as_layer();
  if (auto* const* norm = std::get_if<layers::BatchNorm*>(&layer))
    (*norm)->set_activation(activation);
  if (auto* const* own = std::get_if<layers::ActivationLayer*>(&layer))
    (*own)->set_activation(activation);
}

}  // namespace

Tensor equalize_pair(const BatchNormPair& producer, layers::QuantizedLayer& consumer) {
  const Tensor from = output_ranges(producer.layer->weight().value());
  const Tensor to = input_ranges(consumer, from.dim(0));
  // A channel that its batch norm has nearly switched off still outputs its bias. Scaled up to the
  // range of the others, the bias's share in the next layer would be smaller than one quantization
  // step.
  const float dead1 = kDead * max_abs(from), dead2 = kDead * max_abs(to);
  Tensor s = zip(from, to, [dead1, dead2](float r1, float r2) {
    if (r1 <= dead1 || r2 <= dead2) return 1.0f;
    return static_cast<float>(std::sqrt(static_cast<double>(r1) / static_cast<double>(r2)));
  });
  // Not scale_between(): the consumer gets s itself, not the inverse of a rounded inverse.
  scale_output(producer, map(s, [](float v) { return 1.0f / v; }));
  scale_input(consumer, s);
  return s;
}

EqualizationReport equalize(layers::Module& network) {
  fold_into_weights(network);
  const EqualizablePairs found = equalizable_pairs(network);
  EqualizationReport report;
  report.excluded = found.excluded;
  for (const auto& [producer, consumer] : found.pairs)
    report.pairs.emplace_back(producer.layer->name(), consumer->name());
  if (found.pairs.empty()) return report;
  do {
    report.change = 0.0;
    for (const auto& [producer, consumer] : found.pairs)
      report.change = std::max(report.change, largest_change(equalize_pair(producer, *consumer)));
  } while (++report.sweeps < kMostSweeps && report.change >= kSettled);
  for (const auto& [producer, consumer] : found.pairs) lower_unread(producer, *consumer);
  return report;
}

void scale_between(const BatchNormPair& producer, layers::QuantizedLayer& consumer,
                   const Tensor& factor) {
  scale_output(producer, factor);
  scale_input(consumer, inverse(factor));
}

EqualizablePairs equalizable_pairs(layers::Module& network) {
  const layers::Graph graph(network);
  EqualizablePairs result;
  for (const layers::Graph::Node& node : graph.nodes()) {
    layers::QuantizedLayer* layer = node.module->as_quantized_layer();
    if (layer == nullptr) continue;
    const Path path(graph, node);
    if (!path.reason.empty()) result.excluded.emplace_back(layer->name(), path.reason);
    if (path.consumer != nullptr) result.pairs.push_back({{layer, path.norm}, path.consumer});
  }
  return result;
}

bool is_relu6(layers::Module& module) { return activation_of(module) == Activation::relu6; }

std::vector<layers::Module*> replace_relu6(layers::Module& network) {
  std::vector<layers::Module*> changed;
  for (const auto& [name, module] : network.modules()) {
    if (!is_relu6(*module)) continue;
    set_activation(*module, Activation::relu);
    changed.push_back(module);
  }
  return changed;
}

Relu6Replaced::~Relu6Replaced() {
  for (layers::Module* module : changed_) set_activation(*module, Activation::relu6);
}

}  // namespace quench::ptq
