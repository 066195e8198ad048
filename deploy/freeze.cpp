#include "deploy/freeze.h"

#include <algorithm>
#include <map>
#include <utility>

#include "core/batch_norm.h"
#include "core/error.h"
#include "layers/activation.h"
#include "layers/add.h"
#include "layers/batch_norm.h"
#include "layers/conv2d.h"
#include "layers/dataflow.h"
#include "layers/flatten.h"
#include "layers/linear.h"
#include "layers/mode_guard.h"
#include "layers/pad.h"
#include "layers/pool.h"

namespace quench::deploy {
namespace {

using Steps = std::vector<Affine>;

std::vector<float> to_vector(const Tensor& tensor) {
  return {tensor.span().begin(), tensor.span().end()};
}

bool keeps_order(const Steps& steps) {
  return std::ranges::all_of(steps, [](const Affine& step) { return step.scale.empty(); });
}

/// Follows the network from its output back to its input: what has to be codes is asked of who
/// writes it.
class Freezer {
 public:
  Freezer(Module& network, const Shape& image)
      : network_(network),
        images_(Tensor::zeros(image)),
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
    result_.output = value_of(flow_.output(), {}, std::nullopt, "output");
    return std::move(result_);
  }

 private:
  using Run = Dataflow::Run;
  using Grid = std::optional<quant::QuantGrid>;
  /// A convolution whose sums are pooled is another operation than the same without.
  using Key = std::pair<const Run*, const Run*>;

  // What is asked for: the tensor after `steps`, as codes of `grid`.
  ValueId value_of(const Tensor& tensor, Steps steps, const Grid& grid, const std::string& reader);
  ValueId moved(const Run& run, Steps steps, const Grid& grid, const std::string& reader);
  ValueId of_images(Steps steps, const Grid& grid, const std::string& reader);

  std::size_t operation_of(const Run& run, const Run* pool);
  Operation::Kind kind_of(const Run& run, const Run* pool);
  Convolution convolution(QuantizedLayer& layer, const Value& image, const Run* pool);
  ValueId input_value(SlottedModule& module, const Tensor& tensor, std::size_t input = 0);
  ValueId add_output(std::size_t operation, const Tensor& tensor, Steps steps, const Grid& grid,
                     const std::string& reader);
  ValueId add_value(const Tensor& tensor, const Grid& grid);
  Affine affine_of(BatchNorm& norm) const;

  Module& network_;
  Tensor images_;
  Dataflow flow_;
  ModeGuard modes_;
  std::vector<const BatchNorm*> folded_;
  IntegerNetwork result_;
  std::map<Key, std::size_t> operations_;
  std::map<std::pair<const Run*, ValueId>, ValueId> moved_;
  std::optional<std::size_t> quantize_;
};

Affine Freezer::affine_of(BatchNorm& norm) const {
  Affine step{.activation = norm.params().activation};
  if (std::ranges::find(folded_, &norm) != folded_.end()) return step;
  const ChannelAffine affine =
      fold_batch_norm(norm.gain().value(), norm.bias().value(), norm.running_mean(),
                      norm.running_var(), norm.params().eps);
  step.scale = to_vector(affine.scale);
  step.shift = to_vector(affine.shift);
  return step;
}

ValueId Freezer::value_of(const Tensor& tensor, Steps steps, const Grid& grid,
                          const std::string& reader) {
  const Run* run = flow_.writer(tensor);
  if (run == nullptr) {
    require(tensor.shares_storage_with(images_),
            "deploy: {} reads what a function between two modules computed; expected a network "
            "whose every step is a module",
            reader);
    return of_images(std::move(steps), grid, reader);
  }
  Module* module = run->module;
  if (auto* norm = dynamic_cast<BatchNorm*>(module)) {
    steps.insert(steps.begin(), affine_of(*norm));
    return value_of(run->inputs[0], std::move(steps), grid, reader);
  }
  if (const auto* layer = dynamic_cast<const ActivationLayer*>(module)) {
    steps.insert(steps.begin(), Affine{.activation = layer->activation()});
    return value_of(run->inputs[0], std::move(steps), grid, reader);
  }
  if (dynamic_cast<const Flatten*>(module) != nullptr) {
    require(keeps_order(steps), "deploy: expected no batch norm behind {}, got one before {}",
            module->name(), reader);
    return value_of(run->inputs[0], std::move(steps), grid, reader);
  }
  if (dynamic_cast<const MaxPool2d*>(module) != nullptr && !keeps_order(steps)) {
    const Run* writer = flow_.writer(run->inputs[0]);
    require(writer != nullptr && dynamic_cast<QuantizedLayer*>(writer->module) != nullptr,
            "deploy: expected a batch norm behind max pool {} only where the pool reads a "
            "convolution",
            module->name());
    return add_output(operation_of(*writer, run), tensor, std::move(steps), grid, reader);
  }
  if (dynamic_cast<const MaxPool2d*>(module) != nullptr ||
      dynamic_cast<const Pad*>(module) != nullptr)
    return moved(*run, std::move(steps), grid, reader);
  if (const auto* sum = dynamic_cast<const Add*>(module);
      sum != nullptr && sum->activation() != Activation::none)
    steps.insert(steps.begin(), Affine{.activation = sum->activation()});
  return add_output(operation_of(*run, nullptr), tensor, std::move(steps), grid, reader);
}

ValueId Freezer::of_images(Steps steps, const Grid& grid, const std::string& reader) {
  if (!quantize_) {
    quantize_ = result_.operations.size();
    result_.operations.push_back({.name = "images", .kind = Quantize{}});
  }
  return add_output(*quantize_, images_, std::move(steps), grid, reader);
}

/// Codes move as the numbers would: the largest number has the largest code.
ValueId Freezer::moved(const Run& run, Steps steps, const Grid& grid, const std::string& reader) {
  require(
      grid.has_value() && keeps_order(steps),
      "deploy: expected {} between a convolution and a quantizer, without a batch norm behind it",
      run.module->name());
  const ValueId from = value_of(run.inputs[0], std::move(steps), grid, run.module->name());
  const auto [place, fresh] = moved_.try_emplace({&run, from}, 0);
  if (!fresh) {
    result_.values[place->second].readers.push_back(reader);
    return place->second;
  }
  const ValueId to = add_value(run.output, grid);
  result_.values[to].readers.push_back(reader);
  Operation::Kind kind;
  if (const auto* pool = dynamic_cast<const MaxPool2d*>(run.module)) {
    kind = MaxPool{pool->window()};
  } else {
    const PadSizes& sizes = dynamic_cast<const Pad&>(*run.module).sizes();
    require(sizes.image == Padding{}, "deploy: {} pads rows or columns, which has no integer form",
            run.module->name());
    kind = PadChannels{sizes.channels_before, sizes.channels_after};
  }
  result_.operations.push_back({run.module->name(), kind, {from}, {{{}, to}}});
  return place->second = to;
}

ValueId Freezer::add_value(const Tensor& tensor, const Grid& grid) {
  const Shape& shape = tensor.shape();
  const bool flat = shape.rank() == 2;
  result_.values.push_back({.channels = shape[1],
                            .height = flat ? 1 : shape[2],
                            .width = flat ? 1 : shape[3],
                            .grid = grid});
  return result_.values.size() - 1;
}

ValueId Freezer::add_output(std::size_t operation, const Tensor& tensor, Steps steps,
                            const Grid& grid, const std::string& reader) {
  for (const Output& output : result_.operations[operation].outputs) {
    Value& value = result_.values[output.value];
    if (output.steps != steps || value.grid != grid) continue;
    value.readers.push_back(reader);
    return output.value;
  }
  const ValueId id = add_value(tensor, grid);
  result_.values[id].readers.push_back(reader);
  result_.operations[operation].outputs.push_back({std::move(steps), id});
  return id;
}

/// The grid that takes every number to the code that the quantizer gives it.
quant::QuantGrid exported_grid(quant::Quantizer& quantizer) {
  quant::QuantGrid grid = quantizer.grid();
  const float reach = grid.scale[0] * static_cast<float>(grid.qmax - grid.qmin + 2);
  constexpr std::int64_t kProbes = 4096;
  Tensor probe({kProbes});
  for (std::int64_t i = 0; i < kProbes; ++i) {
    const double place = 2.0 * static_cast<double>(i) / (kProbes - 1) - 1.0;
    probe.data()[i] = static_cast<float>(place * static_cast<double>(reach));
  }
  const Tensor own = quantizer.quantize(probe), of_grid = centered_codes(probe, grid);
  require(
      std::ranges::equal(own.span(), of_grid.span()),
      "deploy: {}: {} has codes that no scale and zero point give (a trained shift?); expected a "
      "method whose codes are those of its grid",
      quantizer.slot(), quantizer.method());
  return grid;
}

ValueId Freezer::input_value(SlottedModule& module, const Tensor& tensor, std::size_t input) {
  quant::Quantizer& quantizer = module.input_quantizer(input);
  const std::string reader = reader_name(module, input);
  require(quantizer.quantizes(),
          "deploy: {} reads real numbers (method \"none\"); expected a quantizer there, to have "
          "integers: see quant.first_layer, quant.residual and quant.pool, e.g. "
          "first_layer = {{ activation = {{ method = \"affine\", bits = 8 }} }}",
          reader);
  require(!quantizer.scales_output(),
          "deploy: {}: {} scales its output by the size of each input, which a fixed integer "
          "network cannot; expected another method",
          reader, quantizer.method());
  return value_of(tensor, {}, exported_grid(quantizer), reader);
}

std::size_t Freezer::operation_of(const Run& run, const Run* pool) {
  if (const auto known = operations_.find({&run, pool}); known != operations_.end())
    return known->second;
  auto* module = dynamic_cast<SlottedModule*>(run.module);
  require(module != nullptr,
          "deploy: {} has no integer form (it is neither a layer nor a sum, pool, "
          "batch norm or activation)",
          run.module->name());
  std::vector<ValueId> inputs;
  for (std::size_t i = 0; i < run.inputs.size(); ++i)
    inputs.push_back(input_value(*module, run.inputs[i], i));
  Operation operation{module->name(), {}, inputs, {}};
  const Value& image = result_.values[inputs[0]];
  if (auto* layer = dynamic_cast<QuantizedLayer*>(module)) {
    operation.kind = convolution(*layer, image, pool);
  } else if (dynamic_cast<const Add*>(module) != nullptr) {
    operation.kind = Addition{};
  } else if (const auto* average = dynamic_cast<const AveragePool2d*>(module)) {
    operation.kind = AveragePool{average->window()};
  } else {
    expect(dynamic_cast<const GlobalAveragePool*>(module) != nullptr,
           "deploy: {}: a module with quantizer slots that is not known here", module->name());
    operation.kind =
        AveragePool{{.kernel = {static_cast<int>(image.height), static_cast<int>(image.width)}}};
  }
  result_.operations.push_back(std::move(operation));
  return operations_[{&run, pool}] = result_.operations.size() - 1;
}

Convolution Freezer::convolution(QuantizedLayer& layer, const Value& image, const Run* pool) {
  require(layer.weight_quantizer().quantizes(),
          "deploy: {} has a real weight (method \"none\"); expected a quantizer for it",
          layer.name());
  require(pool == nullptr || image.grid->offset == 0.0f,
          "deploy: {}: expected codes without an offset before a max pool of sums, got {}",
          layer.name(), image.grid->offset);
  const auto codes = layer.weight_quantizer().codes(layer.effective_weight().value()).value();
  Convolution conv{.out_channels = layer.weight().shape()[0], .weight_grid = codes.grid};
  if (const auto* conv2d = dynamic_cast<const Conv2d*>(&layer)) {
    conv.kernel = conv2d->options().kernel_size;
    conv.params = conv2d->options().params;
  } else {
    conv.kernel = {static_cast<int>(image.height), static_cast<int>(image.width)};
  }
  for (const float code : codes.values.span())
    conv.weight.push_back(static_cast<std::int16_t>(code));
  if (const Variable bias = layer.effective_bias(); bias.defined())
    conv.bias = to_vector(bias.value());
  if (pool != nullptr) conv.pool = dynamic_cast<const MaxPool2d&>(*pool->module).window();
  return conv;
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
