#include "ptq/equalize_pairs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/elementwise.h"
#include "core/random.h"
#include "core/reduce.h"
#include "layers/activation.h"
#include "layers/add.h"
#include "layers/dataflow.h"
#include "layers/flatten.h"
#include "layers/pad.h"
#include "layers/pool.h"
#include "layers/unflatten.h"
#include "ptq/fold_into_weights.h"
#include "ptq/scale_input.h"

namespace quench {
namespace {

bool homogeneous(Activation activation) {
  return activation == Activation::none || activation == Activation::relu;
}

/// Whether a module passes a positive factor of a channel on to the same channel.
bool passes_factors(const Module& module) {
  if (const auto* layer = dynamic_cast<const ActivationLayer*>(&module))
    return homogeneous(layer->activation());
  if (const auto* pad = dynamic_cast<const Pad*>(&module)) return !pad->pads_channels();
  return dynamic_cast<const MaxPool2d*>(&module) != nullptr ||
         dynamic_cast<const AveragePool2d*>(&module) != nullptr ||
         dynamic_cast<const GlobalAveragePool*>(&module) != nullptr ||
         dynamic_cast<const Flatten*>(&module) != nullptr ||
         dynamic_cast<const Unflatten*>(&module) != nullptr;
}

std::string refusal(Activation activation) {
  return fmt::format("{} does not scale with its input", to_string(activation));
}

/// Follows what `run`, a layer, has written to the one layer that reads it.
class Path {
 public:
  Path(const Dataflow& flow, const Dataflow::Run& run) : flow_(flow), at_(&run) {
    layer = dynamic_cast<QuantizedLayer*>(run.module);
    while (step()) {
    }
  }

  QuantizedLayer* layer;
  BatchNorm* norm = nullptr;
  QuantizedLayer* consumer = nullptr;
  std::string reason;  ///< why there is none, where that is worth telling

 private:
  bool step() {
    const auto readers = flow_.readers(at_->output);
    if (readers.size() != 1) return leave(readers.size());
    const bool first = dynamic_cast<QuantizedLayer*>(at_->module) != nullptr;
    at_ = readers[0];
    consumer = dynamic_cast<QuantizedLayer*>(at_->module);
    if (consumer != nullptr) return false;
    if (auto* found = dynamic_cast<BatchNorm*>(at_->module); found != nullptr && first)
      return take(*found);
    if (const auto* activation = dynamic_cast<const ActivationLayer*>(at_->module);
        activation != nullptr && !homogeneous(activation->activation())) {
      reason = refusal(activation->activation());
      return false;
    }
    if (dynamic_cast<const Add*>(at_->module) != nullptr) {
      reason = "a sum reads its output";
    } else if (at_->inputs.size() > 1) {
      reason = at_->module->name() + " joins its output with others";
    } else if (!passes_factors(*at_->module)) {
      reason = at_->module->name() + " behind it has factors of its own";
    }
    return reason.empty();
  }

  /// Ends where several read a tensor, or none. What the network puts out has no reader to tell of.
  bool leave(std::size_t readers) {
    const bool last = at_->output.shares_storage_with(flow_.output());
    if (readers > 1) {
      reason = fmt::format("{} layers read its output", readers);
    } else if (!last) {
      reason = "a sum or another function reads its output";
    }
    return false;
  }

  bool take(BatchNorm& found) {
    norm = &found;
    const Activation activation = found.params().activation;
    if (!homogeneous(activation)) reason = refusal(activation);
    return homogeneous(activation);
  }

  const Dataflow& flow_;
  const Dataflow::Run* at_;
};

Tensor inverse(const Tensor& factor) {
  return map(factor, [](float f) { return 1.0f / f; });
}

double largest_difference(const Tensor& a, const Tensor& b) {
  return static_cast<double>(max_abs(subtract(a, b)));
}

/// Whether the network computes the same with the channels between the two layers halved and
/// doubled in turn: not if a function that a module calls directly reads them, which no trace of
/// modules shows.
bool alone(Module& network, const EqualizablePair& pair, const Tensor& images,
           const Tensor& expected) {
  const std::int64_t channels = pair.producer.layer->weight().shape()[0];
  Tensor factor({channels});
  for (std::int64_t c = 0; c < channels; ++c) factor.data()[c] = c % 2 == 0 ? 2.0f : 0.5f;
  scale_between(pair.producer, *pair.consumer, factor);
  const Tensor output = Dataflow(network, images).output();
  // Powers of two: this restores every bit.
  scale_between(pair.producer, *pair.consumer, inverse(factor));
  constexpr double kRounding = 1e-4;
  return largest_difference(output, expected) <= kRounding * static_cast<double>(max_abs(expected));
}

Tensor random_images(const Shape& image) {
  Tensor images(image);
  Random random(1, "equalize");
  for (float& value : images.span()) value = random.normal();
  return images;
}

}  // namespace

void scale_between(const BatchNormPair& producer, QuantizedLayer& consumer, const Tensor& factor) {
  scale_output(producer, factor);
  scale_input(consumer, inverse(factor));
}

EqualizablePairs equalizable_pairs(Module& network, const Shape& image) {
  const Tensor images = random_images(image);
  const Dataflow flow(network, images);
  EqualizablePairs result;
  for (const Dataflow::Run& run : flow.runs()) {
    if (dynamic_cast<QuantizedLayer*>(run.module) == nullptr) continue;
    const Path path(flow, run);
    if (!path.reason.empty()) result.excluded.emplace_back(path.layer->name(), path.reason);
    if (path.consumer == nullptr) continue;
    const EqualizablePair pair{{path.layer, path.norm}, path.consumer};
    if (alone(network, pair, images, flow.output())) {
      result.pairs.push_back(pair);
    } else {
      result.excluded.emplace_back(path.layer->name(),
                                   "its output has readers besides " + path.consumer->name());
    }
  }
  return result;
}

}  // namespace quench
