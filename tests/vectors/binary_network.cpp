#include <array>
#include <cmath>
#include <vector>

#include "deploy/engine/engine.h"
#include "vectors/operations.h"

// 1-bit sums and codes in an integer network.

namespace quench::vectors {
namespace {

using deploy::IntegerNetwork;
using deploy::Value;

const quant::QuantGrid kBinary = quant::binary_grid();

void append(IntegerNetwork& network, deploy::Operation::Kind kind,
            std::vector<deploy::Affine> steps, Value value) {
  const bool first = network.values.empty();
  network.operations.push_back(
      {.name = "step",
       .kind = std::move(kind),
       .inputs = first ? std::vector<deploy::ValueId>{}
                       : std::vector<deploy::ValueId>{network.values.size() - 1},
       .outputs = {{.steps = std::move(steps), .value = network.values.size()}}});
  network.output = network.values.size();
  network.values.push_back(std::move(value));
}

/// Converts images of -1 and +1 to codes.
IntegerNetwork signs_of(std::int64_t channels, std::int64_t height, std::int64_t width) {
  IntegerNetwork network{.channels = channels, .height = height, .width = width};
  append(network, deploy::Quantize{}, {},
         {.channels = channels, .height = height, .width = width, .grid = kBinary});
  return network;
}

/// Outputs every code as a real value.
void append_output(IntegerNetwork& network) {
  const Value codes = network.values.back();
  const auto count = static_cast<std::size_t>(codes.numel());
  deploy::Convolution one_of_each{
      .kernel = {static_cast<int>(codes.height), static_cast<int>(codes.width)},
      .params = {},
      .out_channels = codes.numel(),
      .weight_grid = quant::unsigned_grid(1),
      .weight = std::vector<std::int16_t>(count * count),
      .bias = {}};
  for (std::size_t i = 0; i < count; ++i) one_of_each.weight[i * count + i] = 1;
  append(network, std::move(one_of_each), {}, {.channels = codes.numel(), .height = 1, .width = 1});
}

/// By the interpreter and by the engine.
void check_logits(const IntegerNetwork& network, const Tensor& images, Comparison& check,
                  const char* what, const Json& want) {
  check.exact(what, deploy::logits_of(network, deploy::interpret(network, images)), want);
  deploy::Engine engine(network);
  check.exact(what, engine(images), want);
}

/// As batch norm in evaluation: y = x * scale + shift in f32.
deploy::Affine batch_norm(const Case& c) {
  const std::vector<double> gamma = numbers(c.inputs.at("gamma")),
                            beta = numbers(c.inputs.at("beta"));
  const std::vector<double> mean = numbers(c.inputs.at("mean")), var = numbers(c.inputs.at("var"));
  deploy::Affine step;
  for (std::size_t i = 0; i < gamma.size(); ++i) {
    const double scale = gamma[i] / std::sqrt(var[i] + c.params.at("eps").get<double>());
    step.scale.push_back(static_cast<float>(scale));
    step.shift.push_back(static_cast<float>(beta[i] - mean[i] * scale));
  }
  return step;
}

void bn_threshold(const Case& c, Comparison& check) {
  const int products = c.params.at("K");
  const deploy::Affine norm = batch_norm(c);
  const std::size_t channels = norm.scale.size();
  IntegerNetwork network = signs_of(products, 1, 1);
  append(network,
         deploy::Convolution{
             .params = {},
             .out_channels = std::ssize(norm.scale),
             .weight_grid = kBinary,
             .weight = std::vector<std::int16_t>(channels * static_cast<std::size_t>(products), 1),
             .bias = {}},
         {norm}, {.channels = std::ssize(norm.scale), .height = 1, .width = 1, .grid = kBinary});
  append_output(network);

  // Image i has i times +1: every possible sum.
  Tensor images({products + 1, products, 1, 1});
  for (int i = 0; i <= products; ++i) {
    for (int k = 0; k < products; ++k) images.data()[i * products + k] = k < i ? 1.0f : -1.0f;
  }
  check_logits(network, images, check, "sign", c.expect.at("sign"));
}

void max_pool(const Case& c, Comparison& check) {
  const int kernel = c.params.at("kernel"), stride = c.params.at("stride");
  const Tensor x = tensor(c.inputs.at("x"));
  if (x.dim(0) != 1) throw NotThere{"more than one channel"};
  IntegerNetwork network = signs_of(1, x.dim(1), x.dim(2));
  const auto out = [&](std::int64_t size) { return (size - kernel) / stride + 1; };
  append(network, deploy::MaxPool{{.kernel = {kernel, kernel}, .stride = {stride, stride}}}, {},
         {.channels = 1, .height = out(x.dim(1)), .width = out(x.dim(2)), .grid = kBinary});
  append_output(network);
  check_logits(network, x.reshape({1, 1, x.dim(1), x.dim(2)}), check, "y", c.expect.at("y"));
}

constexpr std::array kOperations{Operation{"bin.bn_threshold", bn_threshold},
                                 Operation{"bin.maxpool", max_pool}};

}  // namespace

std::span<const Operation> binary_network_operations() { return kOperations; }

}  // namespace quench::vectors
