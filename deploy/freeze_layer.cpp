#include "deploy/freeze_layer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>
#include <utility>

#include "core/ops/batch_norm.h"
#include "deploy/freeze.h"
#include "deploy/network/arithmetic.h"
#include "layers/activation.h"
#include "layers/arithmetic.h"
#include "layers/attach_quantizers.h"
#include "layers/conv2d.h"
#include "layers/linear.h"
#include "layers/pool.h"
#include "layers/quantized_layer.h"
#include "support/error.h"

namespace quench::deploy {
namespace {

/// Whether rounding to the grid gives every value the code of its quantizer.
bool has_codes_of(const quant::QuantGrid& grid, const quant::Quantizer& quantizer) {
  const float reach = grid.scale[0] * static_cast<float>(grid.qmax - grid.qmin + 2);
  constexpr std::int64_t kProbes = 4096;
  Tensor probe({kProbes});
  for (std::int64_t i = 0; i < kProbes; ++i) {
    const double place = 2.0 * static_cast<double>(i) / (kProbes - 1) - 1.0;
    probe.data()[i] = static_cast<float>(place * static_cast<double>(reach));
  }
  const Tensor own = quantizer.quantize(probe), of_grid = centered_codes(probe, grid);
  return std::ranges::equal(own.span(), of_grid.span());
}

/// The line for [quant] that gives a slot a quantizer.
std::string rule_for(layers::QuantizableModule& module, bool reads_images) {
  constexpr const char* kRule = "{ method = \"affine\", bits = 8 }";
  if (module.as_quantized_layer() == nullptr)
    return fmt::format("quant.{} = {}", quant::rule_key(layers::operand_kind(module)), kRule);
  if (reads_images) return fmt::format("quant.first_layer = {{ activation = {} }}", kRule);
  return fmt::format("quant.activation = {}", kRule);
}

/// Appends `function` of every code of a grid.
template <typename Function>
void look_up(const Function& function, const quant::QuantGrid& grid, const std::string& name,
             Lookup& lookup) {
  for (std::int32_t q = grid.qmin; q <= grid.qmax; ++q) {
    const float x = real_of(q - grid.zero_point[0], grid), y = function(x);
    require(std::isfinite(y),
            "{} is {} at {}, which is on its input's grid; expected finite values, for example "
            "after a Relu or Clip that limits its input",
            name, y, x);
    lookup.table.push_back(y);
  }
}

Lookup freeze_function(const layers::PointwiseFunction& layer, const quant::QuantGrid& grid) {
  Lookup result;
  look_up(layer.function(), grid, layer.name(), result);
  return result;
}

Lookup freeze_function(const layers::PRelu& layer, const quant::QuantGrid& grid) {
  Lookup result;
  for (const float slope : layer.slope().value().span())
    look_up([slope](float x) { return x > 0.0f ? x : slope * x; }, grid, layer.name(), result);
  return result;
}

/// The convolution of a layer with a weight; the caller sets its kernel and window.
Convolution products(layers::QuantizedLayer& layer) {
  require(layer.weight_quantizer().quantizes(),
          "{} has a float32 weight (method \"none\"); expected a quantizer for it", layer.name());
  const auto codes = layer.weight_quantizer().codes(layer.effective_weight().value()).value();
  Convolution conv{.out_channels = layer.weight().shape()[0], .weight_grid = codes.grid};
  for (const float code : codes.values.span())
    conv.weight.push_back(static_cast<std::int16_t>(code));
  if (const Variable bias = layer.effective_bias(); bias.defined())
    conv.bias.assign(bias.value().span().begin(), bias.value().span().end());
  return conv;
}

std::array<int, 2> whole_image(const Value& image) {
  return {static_cast<int>(image.height), static_cast<int>(image.width)};
}

std::vector<float> to_vector(const Tensor& tensor) {
  return {tensor.span().begin(), tensor.span().end()};
}

/// One value per channel; `missing` if the module has no such parameter.
std::vector<float> numbers_of(const Variable& numbers, float missing, std::int64_t channels) {
  std::vector<float> values = numbers.defined() ? to_vector(numbers.value()) : std::vector{missing};
  if (values.size() == 1) values.resize(static_cast<std::size_t>(channels), values[0]);
  return values;
}

/// The number of values the steps have per pixel; 0 if all channels share them.
std::int64_t numbers_per_pixel(const Steps& steps) {
  const auto per_channel =
      std::ranges::find_if(steps, [](const Affine& step) { return !step.scale.empty(); });
  return per_channel == steps.end() ? 0 : std::ssize(per_channel->scale);
}

/// The first `count` values, which must repeat to the end.
std::vector<float> period(const std::vector<float>& numbers, std::int64_t count,
                          const std::string& reader) {
  for (std::size_t i = static_cast<std::size_t>(count); i < numbers.size(); ++i) {
    require(numbers[i] == numbers[i - static_cast<std::size_t>(count)],
            "{} reads a flattened image whose batch norm or scale differs between pixels; expected "
            "it before the flatten, with one value per channel",
            reader);
  }
  return {numbers.begin(), numbers.begin() + count};
}

/// Converts the steps after a module to steps before it, for an input of `channels` channels.
/// for_each(assign) calls assign(from, to) with the index of every moved channel before and after
/// the module.
template <typename ForEach>
Steps steps_before(const Steps& steps, std::int64_t channels, const std::string& reader,
                   ForEach for_each) {
  Steps result = steps;
  for (Affine& step : result) {
    if (step.scale.empty()) continue;
    const Affine behind = std::exchange(step, {.activation = step.activation});
    step.scale.assign(static_cast<std::size_t>(channels), 1.0f);
    step.shift.assign(static_cast<std::size_t>(channels), -0.0f);
    std::vector<bool> set(static_cast<std::size_t>(channels));
    for_each([&](std::size_t from, std::size_t to) {
      require(!set[from] ||
                  (step.scale[from] == behind.scale[to] && step.shift[from] == behind.shift[to]),
              "{} reads channel {} of a value twice, with different batch norms or scales; "
              "expected them before channels are selected or rearranged",
              reader, from);
      step.scale[from] = behind.scale[to];
      step.shift[from] = behind.shift[to];
      set[from] = true;
    });
  }
  return result;
}

}  // namespace

quant::QuantGrid frozen_grid(layers::QuantizableModule& module, std::size_t input,
                             bool reads_images) {
  const quant::Quantizer& quantizer = module.input_quantizer(input);
  const std::string reader = reader_name(module, input);
  require(quantizer.quantizes(),
          "{} reads float32 values (method \"none\"); expected a quantizer: {}", reader,
          rule_for(module, reads_images));
  require(!quantizer.scales_output(),
          "{}: {} scales its output by the magnitude of each input, which has no integer form; "
          "expected another method, or training with quant.xnor.input_scale = false",
          reader, quantizer.method());
  quant::QuantGrid grid = quantizer.grid();
  require(has_codes_of(grid, quantizer),
          "{}: {} has codes that fit no scale and zero point (a trained shift?); expected a method "
          "with codes on an affine grid",
          quantizer.slot(), quantizer.method());
  return grid;
}

Operation::Kind freeze_layer(const layers::Layer& layer, const Value& input, const Window2d* pool) {
  return std::visit(
      layers::Overloaded{
          [pool](layers::Conv2d* conv2d) -> Operation::Kind {
            Convolution conv = products(*conv2d);
            conv.kernel = conv2d->options().kernel_size;
            conv.params = conv2d->options().params;
            if (pool != nullptr) conv.pool = *pool;
            return conv;
          },
          [&input](layers::Linear* linear) -> Operation::Kind {
            Convolution conv = products(*linear);
            conv.kernel = whole_image(input);
            return conv;
          },
          [](const layers::Add* sum) -> Operation::Kind {
            return Addition{.subtracts = sum->sign() == layers::Sign::minus};
          },
          [](const layers::Multiply*) -> Operation::Kind { return Multiplication{}; },
          [&input](layers::OneOf<layers::PointwiseFunction, layers::PRelu> auto function)
              -> Operation::Kind { return freeze_function(*function, *input.grid); },
          [](const layers::AveragePool2d* average) -> Operation::Kind {
            return AveragePool{average->window()};
          },
          [&input](const layers::GlobalAveragePool*) -> Operation::Kind {
            return AveragePool{{.kernel = whole_image(input)}};
          },
          [](layers::OneOf<layers::BatchNorm, layers::GroupNorm, layers::LocalResponseNorm,
                           layers::ScaleShift, layers::ActivationLayer, layers::Extremum,
                           layers::Concat, layers::SelectChannels, layers::SelectPixels,
                           layers::Pad, layers::Upsample, layers::BilinearResize, layers::Rearrange,
                           layers::MaxPool2d, layers::Flatten, layers::Unflatten> auto)
              -> Operation::Kind {
            throw std::logic_error("freeze_layer: expected a layer with quantizer slots");
          },
          [](const layers::CustomLayer&) -> Operation::Kind {
            throw std::logic_error("freeze_layer: expected a layer of a known kind");
          }},
      layer);
}

Affine step_of(const layers::BatchNorm& norm, bool folded) {
  Affine step{.activation = norm.params().activation};
  if (folded) return step;
  const ChannelAffine affine =
      fold_batch_norm(norm.gain().value(), norm.bias().value(), norm.running_mean(),
                      norm.running_var(), norm.params().eps);
  step.scale = to_vector(affine.scale);
  step.shift = to_vector(affine.shift);
  return step;
}

Affine step_of(const layers::ScaleShift& module, std::int64_t channels) {
  // Neither default changes any bits; + 0.0f would change -0.
  return {.scale = numbers_of(module.scale(), 1.0f, channels),
          .shift = numbers_of(module.shift(), -0.0f, channels)};
}

void prepend(Affine step, Steps& steps) {
  if (step.activation == Activation::none && !steps.empty() && steps[0].scale.empty()) {
    step.activation = steps[0].activation;
    steps.erase(steps.begin());
  }
  if (step.scale.empty() && step.activation == Activation::none) return;
  steps.insert(steps.begin(), std::move(step));
}

Steps slice(const Steps& steps, std::int64_t begin, std::int64_t count) {
  Steps result = steps;
  for (Affine& step : result) {
    if (step.scale.empty()) continue;
    step.scale.assign(step.scale.begin() + begin, step.scale.begin() + begin + count);
    step.shift.assign(step.shift.begin() + begin, step.shift.begin() + begin + count);
  }
  return result;
}

Steps before_selection(const Steps& steps, const std::vector<std::int64_t>& selected,
                       std::int64_t channels, const std::string& reader) {
  return steps_before(steps, channels, reader, [&](auto assign) {
    for (std::size_t i = 0; i < selected.size(); ++i)
      assign(static_cast<std::size_t>(selected[i]), i);
  });
}

Steps before_rearrangement(const Steps& steps, const Rearrangement& rearrangement,
                           std::int64_t channels, const std::string& reader) {
  const std::int64_t after = rearrangement.size[0];
  return steps_before(steps, channels, reader, [&](auto assign) {
    for_each_run(rearrangement, [&](std::int64_t from, std::int64_t to, std::int64_t count) {
      for (std::int64_t i = 0; i < count; ++i)
        assign(static_cast<std::size_t>((from + i) % channels),
               static_cast<std::size_t>((to + i) % after));
    });
  });
}

Steps per_channel(Steps steps, std::int64_t channels, const std::string& reader) {
  for (Affine& step : steps) {
    if (step.scale.empty()) continue;
    step.scale = period(step.scale, channels, reader);
    step.shift = period(step.shift, channels, reader);
  }
  return steps;
}

bool keeps_zero(const Steps& steps) {
  const Output output{.steps = steps};
  const auto channels =
      static_cast<std::size_t>(std::max<std::int64_t>(numbers_per_pixel(steps), 1));
  for (std::size_t c = 0; c < channels; ++c)
    if (take_steps(output, c, 0.0f) != 0.0f) return false;
  return true;
}

std::vector<std::uint8_t> falling_channels(const Steps& steps) {
  std::vector<std::uint8_t> falls(static_cast<std::size_t>(numbers_per_pixel(steps)));
  for (const Affine& step : steps) {
    for (std::size_t c = 0; c < step.scale.size(); ++c)
      falls[c] ^= static_cast<std::uint8_t>(step.scale[c] < 0.0f ? 1 : 0);
  }
  if (std::ranges::count(falls, 1) == 0) falls.clear();
  return falls;
}

}  // namespace quench::deploy
