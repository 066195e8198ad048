// folded_weights FLOAT.safetensors INT8.safetensors: folds the batch norms of a trained MobileNet v2
// and quantizes its weights per channel, and counts differences from TensorFlow Lite's result
// for the same checkpoint ("<layer>.weight" s8 [O, I/groups, KH, KW], "<layer>.weight_scale" [O]).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>

#include "experiments/import_weights.h"
#include "layers/attach_quantizers.h"
#include "layers/models/registry.h"
#include "ptq/fold.h"
#include "quant/policy.h"
#include "support/error.h"

namespace quench {
namespace {

constexpr layers::models::ModelInput kImageNet{.height = 224, .width = 224, .classes = 1000};
/// Layers whose float weights or statistics are missing in the known file and were filled in.
constexpr std::array kCopied{"block0.dw", "block0.project", "block9.project"};
constexpr float kDead = 2e-9f;  // magnitude of a channel whose scale is meaningless

std::unique_ptr<layers::Module> quantized_network(const std::string& file) {
  Random random(0, "initialization");
  Settings settings;
  auto network = layers::models::make_model("mobilenet_v2", settings, kImageNet, random);
  experiments::import_weights(*network, "mobilenet_v2", experiments::read_foreign_weights(file));
  layers::attach_quantizers(
      *network,
      quant::Policy(Settings::from({{"method", "symmetric"},
                                    {"bits", 8},
                                    {"granularity", "per_channel"},
                                    {"activation", Settings::from({{"method", "none"}})}})));
  ptq::fold_batch_norms(*network);
  network->set_training(false);
  network->set_quantizer_mode(quant::Mode::evaluation);
  return network;
}

struct Counts {
  std::int64_t weights = 0, other_weights = 0, by_their_scale = 0, furthest = 0;
  std::int64_t channels = 0, other_scales = 0, dead = 0;
};

/// The file's integers in the order of `codes`.
Tensor as_float(const Tensor& integers) {
  Tensor result(integers.shape());
  std::ranges::copy(integers.span<std::int8_t>(), result.data());
  return result;
}

void compare(layers::QuantizedLayer& layer, const Tensor& theirs, const Tensor& their_scale,
             Counts& counts) {
  const Tensor weight = layer.effective_weight().value();
  const auto ours = layer.weight_quantizer().codes(weight).value();
  require(theirs.shape() == weight.shape(), "{}: expected {}, got {}", layer.name(),
          weight.shape().to_string(), theirs.shape().to_string());
  quant::QuantGrid grid = ours.grid;
  grid.scale.assign(their_scale.span().begin(), their_scale.span().end());
  const Tensor with_scale = quant::centered_codes(weight, grid);
  const Tensor expected = as_float(theirs);

  const std::int64_t channels = weight.dim(0), size = weight.numel() / channels;
  for (std::int64_t c = 0; c < channels; ++c) {
    float largest = 0.0f;
    for (std::int64_t i = c * size; i < (c + 1) * size; ++i)
      largest = std::max(largest, std::abs(weight.data()[i]));
    ++counts.channels;
    const bool dead = largest < kDead;
    counts.dead += dead;
    // A few units of float32, to which both are rounded.
    const float scale = ours.grid.scale[static_cast<std::size_t>(c)];
    counts.other_scales += !dead && std::abs(scale - their_scale.data()[c]) > 1e-6f * scale;
    for (std::int64_t i = c * size; i < (c + 1) * size; ++i) {
      ++counts.weights;
      counts.other_weights += !dead && ours.values.data()[i] != expected.data()[i];
      const float step = std::abs(with_scale.data()[i] - expected.data()[i]);
      counts.by_their_scale += step != 0.0f;
      counts.furthest = std::max(counts.furthest, static_cast<std::int64_t>(step));
    }
  }
}

void print(const char* what, const Counts& counts) {
  fmt::print(
      "{}: {} channels, {} of them below {:g} everywhere (dead), {} other scales\n"
      "  {} weights: {} differ outside dead channels; with the file's scales {} differ in all, "
      "by at most {} step\n",
      what, counts.channels, counts.dead, static_cast<double>(kDead), counts.other_scales,
      counts.weights, counts.other_weights, counts.by_their_scale, counts.furthest);
}

void run(const std::string& float_file, const std::string& int8_file) {
  const auto network = quantized_network(float_file);
  const TensorFile published = read_safetensors(int8_file);
  Counts blocks, rest;
  for (layers::QuantizedLayer* layer : network->quantized_layers()) {
    const std::string name = layer->name().substr(0, layer->name().rfind(".conv"));
    if (name == "fc") continue;  // theirs has a background class
    const bool copied = std::ranges::find(kCopied, name) != kCopied.end();
    compare(*layer, published.tensors.at(name + ".weight"),
            published.tensors.at(name + ".weight_scale"),
            name.starts_with("block") && !copied ? blocks : rest);
  }
  print("blocks", blocks);
  print("first and last convolution, and three layers that were filled in", rest);
}

}  // namespace
}  // namespace quench

int main(int argc, char** argv) {
  try {
    quench::require(argc == 3, "usage: folded_weights FLOAT.safetensors INT8.safetensors");
    quench::run(argv[1], argv[2]);
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
