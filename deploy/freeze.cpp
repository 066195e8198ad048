#include "deploy/freeze.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <stdexcept>
#include <utility>

#include "deploy/freeze_layer.h"
#include "deploy/network/arithmetic.h"
#include "layers/activation.h"
#include "layers/arithmetic.h"
#include "layers/conv2d.h"
#include "layers/graph.h"
#include "layers/module.h"
#include "layers/pool.h"
#include "layers/quantized_layer.h"
#include "layers/shape_layers.h"
#include "support/error.h"

namespace quench::deploy {
namespace {

/// Walks the network from its output back to its input. A reader requests its input as codes on its
/// grid, and the writer produces them.
class Freezer {
 public:
  Freezer(layers::Module& network, const Shape& image)
      : graph_(network),
        shapes_(layers::value_shapes(graph_, image)),
        modes_(network, false, quant::Mode::evaluation) {
    result_.channels = image[1];
    result_.height = image[2];
    result_.width = image[3];
    for (layers::QuantizedLayer* layer : network.quantized_layers()) {
      if (layer->folded() != nullptr) folded_.push_back(&layer->folded()->norm());
    }
  }

  IntegerNetwork run() {
    const Shape& shape = shapes_[graph_.output()];
    require(shape.rank() == 2, "expected a network with an output [N, classes], got {}",
            shape.to_string());
    result_.output = value_of(graph_.output(), {{}, std::nullopt, "output"});
    return std::move(result_);
  }

 private:
  using Node = layers::Graph::Node;

  /// A requested value: after `steps`, as codes on `grid`, or in float32.
  struct Wanted {
    Steps steps;
    std::optional<quant::QuantGrid> grid;
    std::string reader;
  };

  ValueId value_of(layers::ValueId value, Wanted wanted);
  ValueId before(const Node& node, Affine step, Wanted wanted);
  ValueId with_image(const Node& node, const layers::ScaleShift& sum, Wanted wanted);
  /// Whether a value is the input images, flattened or not.
  bool is_images(layers::ValueId value) const {
    while (const Node* node = graph_.writer(value)) {
      if (!std::holds_alternative<layers::Flatten*>(node->layer) &&
          !std::holds_alternative<layers::Unflatten*>(node->layer))
        return false;
      value = node->inputs[0];
    }
    return true;
  }
  const Shape& input_shape(const Node& node, std::size_t input = 0) const {
    return shapes_[node.inputs[input]];
  }

  // Modules that move values pass the request on to their inputs.
  ValueId flattened(const Node& node, Wanted wanted);
  ValueId pooled(const Node& node, const Window2d& window, Wanted wanted);
  ValueId padded(const Node& node, const layers::Pad& pad, const Wanted& wanted);
  ValueId joined(const Node& node, const Wanted& wanted);
  ValueId chosen(const Node& node, const layers::Extremum& extremum, const Wanted& wanted);
  ValueId selected(const Node& node, const std::vector<std::int64_t>& channels,
                   const Wanted& wanted);
  ValueId resized(const Node& node, Operation::Kind kind, const Wanted& wanted);
  ValueId rearranged(const Node& node, const Rearrangement& rearrangement, const Wanted& wanted);
  ValueId moved(const Node& node, Operation::Kind kind, std::vector<ValueId> from,
                const Wanted& wanted);
  void require_codes(const Node& node, const Wanted& wanted) const;
  ValueId moved_input(const Node& node, std::size_t input, Steps steps, const Wanted& wanted);

  std::size_t quantize_images(const layers::ScaleShift* image);
  std::size_t operation_of(const Node& node, const Window2d* pool = nullptr);
  ValueId operand(const Node& node, std::size_t input);
  ValueId add_output(std::size_t operation, Wanted wanted);
  ValueId add_value(const std::array<std::int64_t, 3>& size, const Wanted& wanted);

  layers::Graph graph_;
  std::vector<Shape> shapes_;
  layers::ModeGuard modes_;
  std::vector<const layers::BatchNorm*> folded_;
  IntegerNetwork result_;
  /// Keyed by the pool's window too: a convolution with pooled sums is an operation of its own.
  std::map<std::pair<const Node*, const Window2d*>, std::size_t> operations_;
  std::map<std::pair<const Node*, std::vector<ValueId>>, ValueId> moved_;
  /// By the image added to the input; null if none is.
  std::map<const layers::ScaleShift*, std::size_t> quantize_;
};

ValueId Freezer::value_of(layers::ValueId value, Wanted wanted) {
  const Node* node = graph_.writer(value);
  if (node == nullptr) return add_output(quantize_images(nullptr), std::move(wanted));
  return std::visit(
      layers::Overloaded{
          [&](const layers::BatchNorm* norm) {
            const bool folded = std::ranges::find(folded_, norm) != folded_.end();
            return before(*node, step_of(*norm, folded), std::move(wanted));
          },
          [&](const layers::ScaleShift* scale) {
            if (scale->image().defined()) return with_image(*node, *scale, std::move(wanted));
            return before(*node, step_of(*scale, shapes_[node->output][1]), std::move(wanted));
          },
          [&](const layers::ActivationLayer* layer) {
            return before(*node, {.activation = layer->activation()}, std::move(wanted));
          },
          [&](const layers::Flatten*) { return flattened(*node, std::move(wanted)); },
          [&](const layers::Unflatten*) { return value_of(node->inputs[0], std::move(wanted)); },
          [&](const layers::MaxPool2d* pool) {
            return pooled(*node, pool->window(), std::move(wanted));
          },
          [&](const layers::Pad* pad) { return padded(*node, *pad, wanted); },
          [&](const layers::Concat*) { return joined(*node, wanted); },
          [&](const layers::Extremum* extremum) { return chosen(*node, *extremum, wanted); },
          [&](const layers::SelectChannels* layer) {
            return selected(*node, layer->channels(), wanted);
          },
          [&](const layers::Upsample* layer) {
            return resized(*node, Upsampling{layer->factor()}, wanted);
          },
          [&](const layers::SelectPixels* layer) {
            return resized(*node, PixelSelection{layer->rows(), layer->columns()}, wanted);
          },
          [&](const layers::Rearrange* layer) {
            return rearranged(*node, layer->rearrangement(), wanted);
          },
          [&](const layers::Add* sum) {
            prepend({.activation = sum->activation()}, wanted.steps);
            return add_output(operation_of(*node), std::move(wanted));
          },
          [&](layers::OneOf<layers::Conv2d, layers::Linear, layers::Multiply,
                            layers::PointwiseFunction, layers::PRelu, layers::AveragePool2d,
                            layers::GlobalAveragePool> auto) {
            return add_output(operation_of(*node), std::move(wanted));
          },
          [&](layers::OneOf<layers::GroupNorm, layers::LocalResponseNorm> auto) -> ValueId {
            throw std::invalid_argument(
                fmt::format("{} normalizes by the statistics of each image, which has no integer "
                            "form; expected a network trained with batch norm instead",
                            node->module->name()));
          },
          [&](const layers::BilinearResize*) -> ValueId {
            throw std::invalid_argument(
                fmt::format("{} interpolates between pixels, which has no integer form; expected a "
                            "nearest-neighbour resize instead",
                            node->module->name()));
          },
          [](const layers::CustomLayer& custom) -> ValueId {
            throw std::invalid_argument(fmt::format(
                "{} has no integer form (it is neither a layer nor a sum, product, "
                "function, pool, batch norm, activation, scale, padding, concatenation or "
                "selection)",
                custom.module->name()));
          }},
      node->layer);
}

/// Requests the node's input, with the node as a step between sum and reader.
ValueId Freezer::before(const Node& node, Affine step, Wanted wanted) {
  prepend(std::move(step), wanted.steps);
  return value_of(node.inputs[0], std::move(wanted));
}

ValueId Freezer::with_image(const Node& node, const layers::ScaleShift& sum, Wanted wanted) {
  require(node.inputs[0] == layers::Graph::kInput,
          "{} adds a different value at each position of its input; expected this only on the "
          "network's images",
          sum.name());
  return add_output(quantize_images(&sum), std::move(wanted));
}

// ---- modules that move values: codes move the same way

void Freezer::require_codes(const Node& node, const Wanted& wanted) const {
  require(wanted.grid.has_value(),
          "{} must output float32 values for {}; expected a layer, or another module with an input "
          "quantizer, after it",
          node.module->name(), wanted.reader);
}

ValueId Freezer::moved_input(const Node& node, std::size_t input, Steps steps,
                             const Wanted& wanted) {
  const ValueId id =
      value_of(node.inputs[input], {std::move(steps), wanted.grid, node.module->name()});
  const Value& value = result_.values[id];
  require(input_shape(node, input).rank() == 4 || value.height * value.width == 1,
          "{} reads a flattened image of {}x{} pixels; expected the flatten after it",
          node.module->name(), value.height, value.width);
  return id;
}

ValueId Freezer::flattened(const Node& node, Wanted wanted) {
  wanted.steps = per_channel(std::move(wanted.steps), input_shape(node)[1], wanted.reader);
  return value_of(node.inputs[0], std::move(wanted));
}

ValueId Freezer::pooled(const Node& node, const Window2d& window, Wanted wanted) {
  const Node* writer = graph_.writer(node.inputs[0]);
  auto* const* conv = writer == nullptr ? nullptr : std::get_if<layers::Conv2d*>(&writer->layer);
  // The contribution of an offset differs between pixels, so the maximum has to be taken after it.
  const bool of_sums = conv != nullptr && (has_channels(wanted.steps) || !wanted.grid) &&
                       frozen_grid(**conv, 0, is_images(writer->inputs[0])).offset == 0.0f;
  if (of_sums) return add_output(operation_of(*writer, &window), std::move(wanted));
  require_codes(node, wanted);
  // A falling step maps the largest value of a window to its smallest code.
  const MaxPool pool{window, falling_channels(wanted.steps)};
  return moved(node, pool, {moved_input(node, 0, wanted.steps, wanted)}, wanted);
}

ValueId Freezer::padded(const Node& node, const layers::Pad& pad, const Wanted& wanted) {
  require_codes(node, wanted);
  require(!pad.adds_zeros() || keeps_zero(wanted.steps),
          "{} pads with 0, which the batch norm after it shifts; expected the batch norm before it",
          node.module->name());
  const layers::PadSizes& sizes = pad.sizes();
  const ZeroPad kind{sizes.channels_before, sizes.channels_after, sizes.image};
  Steps steps = slice(wanted.steps, kind.before, input_shape(node)[1]);
  return moved(node, kind, {moved_input(node, 0, std::move(steps), wanted)}, wanted);
}

ValueId Freezer::joined(const Node& node, const Wanted& wanted) {
  require_codes(node, wanted);
  std::vector<ValueId> from;
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    const std::int64_t channels = input_shape(node, i)[1];
    from.push_back(moved_input(node, i, slice(wanted.steps, begin, channels), wanted));
    begin += channels;
  }
  return moved(node, Concatenation{}, std::move(from), wanted);
}

ValueId Freezer::chosen(const Node& node, const layers::Extremum& extremum, const Wanted& wanted) {
  require_codes(node, wanted);
  std::vector<std::uint8_t> smallest = falling_channels(wanted.steps);
  if (extremum.kind() == layers::Extremum::Kind::smallest) {
    smallest.resize(static_cast<std::size_t>(input_shape(node)[1]));
    for (std::uint8_t& mark : smallest) mark ^= 1;
  }
  std::vector<ValueId> from;
  for (std::size_t i = 0; i < node.inputs.size(); ++i)
    from.push_back(moved_input(node, i, wanted.steps, wanted));
  return moved(node, Extremum{std::move(smallest)}, std::move(from), wanted);
}

ValueId Freezer::selected(const Node& node, const std::vector<std::int64_t>& channels,
                          const Wanted& wanted) {
  require_codes(node, wanted);
  Steps steps = before_selection(wanted.steps, channels, input_shape(node)[1], wanted.reader);
  return moved(node, ChannelSelection{channels}, {moved_input(node, 0, std::move(steps), wanted)},
               wanted);
}

/// Moves whole pixels.
ValueId Freezer::resized(const Node& node, Operation::Kind kind, const Wanted& wanted) {
  require_codes(node, wanted);
  return moved(node, std::move(kind), {moved_input(node, 0, wanted.steps, wanted)}, wanted);
}

ValueId Freezer::rearranged(const Node& node, const Rearrangement& rearrangement,
                            const Wanted& wanted) {
  require_codes(node, wanted);
  Steps steps =
      before_rearrangement(wanted.steps, rearrangement, input_shape(node)[1], wanted.reader);
  const ValueId input =
      value_of(node.inputs[0], {std::move(steps), wanted.grid, node.module->name()});
  return moved(node, rearrangement, {input}, wanted);
}

ValueId Freezer::moved(const Node& node, Operation::Kind kind, std::vector<ValueId> from,
                       const Wanted& wanted) {
  const auto [place, fresh] = moved_.try_emplace({&node, from}, 0);
  if (!fresh) {
    result_.values[place->second].readers.push_back(wanted.reader);
    return place->second;
  }
  Operation operation{node.module->name(), std::move(kind), std::move(from), {}};
  const ValueId to = add_value(output_size(result_, operation), wanted);
  operation.outputs = {{{}, to}};
  result_.operations.push_back(std::move(operation));
  return place->second = to;
}

// ---- operations

std::size_t Freezer::quantize_images(const layers::ScaleShift* sum) {
  const auto [place, fresh] = quantize_.try_emplace(sum, result_.operations.size());
  if (fresh) {
    Quantize quantize;
    if (sum != nullptr)
      quantize.image.assign(sum->image().span().begin(), sum->image().span().end());
    result_.operations.push_back(
        {.name = sum == nullptr ? "images" : sum->name(), .kind = std::move(quantize)});
  }
  return place->second;
}

std::size_t Freezer::operation_of(const Node& node, const Window2d* pool) {
  if (const auto known = operations_.find({&node, pool}); known != operations_.end())
    return known->second;
  std::vector<ValueId> inputs;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) inputs.push_back(operand(node, i));
  Operation::Kind kind = freeze_layer(node.layer, result_.values[inputs[0]], pool);
  result_.operations.push_back({node.module->name(), std::move(kind), std::move(inputs), {}});
  return operations_[{&node, pool}] = result_.operations.size() - 1;
}

/// The input of a slot, as codes on the grid of its quantizer.
ValueId Freezer::operand(const Node& node, std::size_t input) {
  layers::QuantizableModule& module = *node.module->as_quantizable();
  const layers::ValueId value = node.inputs[input];
  const quant::QuantGrid grid = frozen_grid(module, input, is_images(value));
  return value_of(value, {{}, grid, reader_name(module, input)});
}

ValueId Freezer::add_value(const std::array<std::int64_t, 3>& size, const Wanted& wanted) {
  result_.values.push_back({size[0], size[1], size[2], wanted.grid, {wanted.reader}});
  return result_.values.size() - 1;
}

ValueId Freezer::add_output(std::size_t operation, Wanted wanted) {
  const auto size = output_size(result_, result_.operations[operation]);
  wanted.steps = per_channel(std::move(wanted.steps), size[0], wanted.reader);
  for (const Output& output : result_.operations[operation].outputs) {
    Value& value = result_.values[output.value];
    if (output.steps != wanted.steps || value.grid != wanted.grid) continue;
    value.readers.push_back(std::move(wanted.reader));
    return output.value;
  }
  const ValueId id = add_value(size, wanted);
  result_.operations[operation].outputs.push_back({std::move(wanted.steps), id});
  return id;
}

}  // namespace

std::string reader_name(const layers::QuantizableModule& module, std::size_t input) {
  return module.input_count() == 1 ? module.name()
                                   : fmt::format("{}.input{}", module.name(), input + 1);
}

IntegerNetwork freeze(layers::Module& network, const Shape& image) {
  IntegerNetwork result = Freezer(network, image).run();
  check_network(result);
  return result;
}

}  // namespace quench::deploy
