#include "deploy/freeze.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "deploy/freeze_module.h"
#include "deploy/freeze_steps.h"
#include "deploy/network/arithmetic.h"
#include "layers/activation.h"
#include "layers/add.h"
#include "layers/concat.h"
#include "layers/dataflow.h"
#include "layers/flatten.h"
#include "layers/mode_guard.h"
#include "layers/pad.h"
#include "layers/pool.h"
#include "layers/quantized_layer.h"
#include "layers/unflatten.h"
#include "support/error.h"

namespace quench::deploy {
namespace {

/// Follows the network from its output back to its input: what has to be codes is asked of who
/// writes it.
class Freezer {
 public:
  Freezer(Module& network, const Shape& image)
      : images_(Tensor::zeros(image)),
        flow_(network, images_),
        modes_(network, false, quant::Mode::evaluation) {
    result_.channels = image[1];
    result_.height = image[2];
    result_.width = image[3];
    for (QuantizedLayer* layer : network.quantized_layers()) {
      if (layer->folded() != nullptr) folded_.push_back(&layer->folded()->norm());
    }
  }

  IntegerNetwork run() {
    const Shape& shape = flow_.output().shape();
    require(shape.rank() == 2, "deploy: expected a network with an output [N, classes], got {}",
            shape.to_string());
    result_.output = value_of(flow_.output(), {{}, std::nullopt, "output"});
    return std::move(result_);
  }

 private:
  using Run = Dataflow::Run;

  /// What is asked for: a tensor after `steps`, as codes of `grid`, or as reals.
  struct Wanted {
    Steps steps;
    std::optional<quant::QuantGrid> grid;
    std::string reader;
  };

  ValueId value_of(const Tensor& tensor, Wanted wanted);
  std::optional<Affine> step_of_module(const Run& run) const;
  bool reads_images(const Run& run, std::size_t input) const {
    return run.inputs[input].shares_storage_with(images_);
  }

  // What modules that move numbers ask of who writes these.
  ValueId flattened(const Run& run, Wanted wanted);
  ValueId pooled(const Run& run, Wanted wanted);
  ValueId padded(const Run& run, const Wanted& wanted);
  ValueId joined(const Run& run, const Wanted& wanted);
  ValueId moved(const Run& run, Operation::Kind kind, std::vector<ValueId> from,
                const Wanted& wanted);
  void require_codes(const Run& run, const Wanted& wanted) const;
  ValueId moved_input(const Run& run, std::size_t input, Steps steps, const Wanted& wanted);

  std::size_t quantize_images();
  std::size_t operation_of(const Run& run, const Window2d* pool = nullptr);
  ValueId add_output(std::size_t operation, Wanted wanted);
  ValueId add_value(const std::array<std::int64_t, 3>& size, const Wanted& wanted);

  Tensor images_;
  Dataflow flow_;
  ModeGuard modes_;
  std::vector<const BatchNorm*> folded_;
  IntegerNetwork result_;
  /// A convolution whose sums are pooled is another operation than the same without, of its window.
  std::map<std::pair<const Run*, const Window2d*>, std::size_t> operations_;
  std::map<std::pair<const Run*, std::vector<ValueId>>, ValueId> moved_;
  std::optional<std::size_t> quantize_;
};

ValueId Freezer::value_of(const Tensor& tensor, Wanted wanted) {
  const Run* run = flow_.writer(tensor);
  if (run == nullptr) {
    require(tensor.shares_storage_with(images_),
            "deploy: {} reads what a function between two modules computed; expected a network "
            "whose every step is a module",
            wanted.reader);
    return add_output(quantize_images(), std::move(wanted));
  }
  if (std::optional<Affine> step = step_of_module(*run)) {
    prepend(*std::move(step), wanted.steps);
    return value_of(run->inputs[0], std::move(wanted));
  }
  const Module* module = run->module;
  if (dynamic_cast<const Flatten*>(module) != nullptr) return flattened(*run, std::move(wanted));
  if (dynamic_cast<const Unflatten*>(module) != nullptr)
    return value_of(run->inputs[0], std::move(wanted));
  if (dynamic_cast<const MaxPool2d*>(module) != nullptr) return pooled(*run, std::move(wanted));
  if (dynamic_cast<const Pad*>(module) != nullptr) return padded(*run, wanted);
  if (dynamic_cast<const Concat*>(module) != nullptr) return joined(*run, wanted);
  if (const auto* sum = dynamic_cast<const Add*>(module))
    prepend({.activation = sum->activation()}, wanted.steps);
  return add_output(operation_of(*run), std::move(wanted));
}

/// Of a module that is one step on the way from a sum to its readers.
std::optional<Affine> Freezer::step_of_module(const Run& run) const {
  if (const auto* norm = dynamic_cast<const BatchNorm*>(run.module))
    return step_of(*norm, std::ranges::find(folded_, norm) != folded_.end());
  if (const auto* layer = dynamic_cast<const ActivationLayer*>(run.module))
    return Affine{.activation = layer->activation()};
  if (const auto* scale = dynamic_cast<const ScaleShift*>(run.module))
    return step_of(*scale, run.output.dim(1));
  return std::nullopt;
}

// ---- modules that move numbers: codes move as the numbers would

void Freezer::require_codes(const Run& run, const Wanted& wanted) const {
  require(wanted.grid.has_value(),
          "deploy: {} is asked for real numbers by {}; expected a layer, or another module with a "
          "quantizer for what it reads, behind it",
          run.module->name(), wanted.reader);
}

ValueId Freezer::moved_input(const Run& run, std::size_t input, Steps steps, const Wanted& wanted) {
  const Tensor& tensor = run.inputs[input];
  const ValueId id = value_of(tensor, {std::move(steps), wanted.grid, run.module->name()});
  const Value& value = result_.values[id];
  require(tensor.rank() == 4 || value.height * value.width == 1,
          "deploy: {} reads a flattened image of {}x{} pixels; expected the flatten behind it",
          run.module->name(), value.height, value.width);
  return id;
}

ValueId Freezer::flattened(const Run& run, Wanted wanted) {
  wanted.steps = per_channel(std::move(wanted.steps), run.inputs[0].dim(1), wanted.reader);
  return value_of(run.inputs[0], std::move(wanted));
}

ValueId Freezer::pooled(const Run& run, Wanted wanted) {
  const Window2d& window = dynamic_cast<const MaxPool2d&>(*run.module).window();
  const Run* writer = flow_.writer(run.inputs[0]);
  auto* layer = writer == nullptr ? nullptr : dynamic_cast<QuantizedLayer*>(writer->module);
  // What an offset adds to a sum differs from place to place, so that the largest has to be found
  // behind it.
  const bool of_sums = layer != nullptr && (has_channels(wanted.steps) || !wanted.grid) &&
                       frozen_grid(*layer, 0, reads_images(*writer, 0)).offset == 0.0f;
  if (of_sums) return add_output(operation_of(*writer, &window), std::move(wanted));
  require_codes(run, wanted);
  // A step that falls takes the largest number of a window to its smallest code.
  const MaxPool pool{window, falling_channels(wanted.steps)};
  return moved(run, pool, {moved_input(run, 0, wanted.steps, wanted)}, wanted);
}

ValueId Freezer::padded(const Run& run, const Wanted& wanted) {
  require_codes(run, wanted);
  require(keeps_zero(wanted.steps),
          "deploy: {} pads with 0 what a batch norm behind it moves off 0; expected the batch norm "
          "before it",
          run.module->name());
  const PadSizes& sizes = dynamic_cast<const Pad&>(*run.module).sizes();
  const ZeroPad kind{sizes.channels_before, sizes.channels_after, sizes.image};
  Steps steps = slice(wanted.steps, kind.before, run.inputs[0].dim(1));
  return moved(run, kind, {moved_input(run, 0, std::move(steps), wanted)}, wanted);
}

ValueId Freezer::joined(const Run& run, const Wanted& wanted) {
  require_codes(run, wanted);
  std::vector<ValueId> from;
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < run.inputs.size(); ++i) {
    const std::int64_t channels = run.inputs[i].dim(1);
    from.push_back(moved_input(run, i, slice(wanted.steps, begin, channels), wanted));
    begin += channels;
  }
  return moved(run, Concatenation{}, std::move(from), wanted);
}

ValueId Freezer::moved(const Run& run, Operation::Kind kind, std::vector<ValueId> from,
                       const Wanted& wanted) {
  const auto [place, fresh] = moved_.try_emplace({&run, from}, 0);
  if (!fresh) {
    result_.values[place->second].readers.push_back(wanted.reader);
    return place->second;
  }
  Operation operation{run.module->name(), std::move(kind), std::move(from), {}};
  const ValueId to = add_value(output_size(result_, operation), wanted);
  operation.outputs = {{{}, to}};
  result_.operations.push_back(std::move(operation));
  return place->second = to;
}

// ---- operations

std::size_t Freezer::quantize_images() {
  if (!quantize_) {
    quantize_ = result_.operations.size();
    result_.operations.push_back({.name = "images", .kind = Quantize{}});
  }
  return *quantize_;
}

std::size_t Freezer::operation_of(const Run& run, const Window2d* pool) {
  if (const auto known = operations_.find({&run, pool}); known != operations_.end())
    return known->second;
  auto* module = dynamic_cast<SlottedModule*>(run.module);
  require(module != nullptr,
          "deploy: {} has no integer form (it is neither a layer nor a sum, product, function, "
          "pool, batch norm, activation, scale, padding or concatenation)",
          run.module->name());
  std::vector<ValueId> inputs;
  for (std::size_t i = 0; i < run.inputs.size(); ++i) {
    const std::string reader = reader_name(*module, i);
    inputs.push_back(
        value_of(run.inputs[i], {{}, frozen_grid(*module, i, reads_images(run, i)), reader}));
  }
  const Value& first = result_.values[inputs[0]];
  Operation::Kind kind = frozen_module(*module, first, pool);
  result_.operations.push_back({module->name(), std::move(kind), std::move(inputs), {}});
  return operations_[{&run, pool}] = result_.operations.size() - 1;
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

std::string reader_name(const SlottedModule& module, std::size_t input) {
  return module.input_count() == 1 ? module.name()
                                   : fmt::format("{}.input{}", module.name(), input + 1);
}

IntegerNetwork freeze(Module& network, const Shape& image) {
  IntegerNetwork result = Freezer(network, image).run();
  check_network(result);
  return result;
}

}  // namespace quench::deploy
