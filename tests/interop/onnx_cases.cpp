// onnx_cases FOLDER: networks as ONNX files, with images and the logits that quench gives for them, for
// onnx_runtime.js to compare: each network of the registry, and networks composed of the modules of imported
// graphs, with several methods and bits, as floats, with scales in the operands and with scales after the sums.

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/ops/reduce.h"
#include "deploy/composed_networks.h"
#include "deploy/engine/engine.h"
#include "deploy/engine/prepared_operation.h"
#include "deploy/freeze.h"
#include "deploy/small_network.h"
#include "deploy/trained_network.h"
#include "kernels/saturation.h"
#include "onnx/export/export_float.h"
#include "onnx/export/export_integers.h"
#include "onnx/export/fused_convolutions.h"
#include "onnx/file/write.h"
#include "support/file.h"

namespace {

using namespace quench;
using namespace quench::deploy;
using namespace quench::kernels;

constexpr std::int64_t kImages = 16;

constexpr std::pair<const char*, std::unique_ptr<layers::Module> (*)()> kComposed[] = {
    {"squeeze_excite", testing::squeeze_excite_network},
    {"dense", testing::dense_network},
    {"mixed", testing::mixed_network},
    {"branching", testing::branching_network},
    {"moving", testing::moving_network}};

/// The effect of kernels that add pairs of 8-bit products in 16 bits: the layers whose sums may
/// saturate, and the resulting class of each image.
/// @param logits  exact ones
nlohmann::json saturation_of(const IntegerNetwork& network, const Tensor& images,
                             const Tensor& logits) {
  nlohmann::json layers = nlohmann::json::array();
  int count = 0;
  for (const Operation& operation : network.operations) {
    const auto* conv = std::get_if<Convolution>(&operation.kind);
    if (conv == nullptr) continue;
    ++count;
    const ConvProblem problem = conv_problem(*conv, network.values[operation.inputs[0]]);
    if (!pair_saturation(problem).exact()) layers.push_back(operation.name);
  }
  const bool exact = layers.empty();
  const Tensor classes =
      argmax(exact ? logits : Engine(network, best_isa(), Products::saturating)(images));
  const auto found = classes.span<std::int32_t>();
  return {{"layers", layers},
          {"of_layers", count},
          {"classes", std::vector<std::int32_t>(found.begin(), found.end())}};
}

class Cases {
 public:
  explicit Cases(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
  }

  void add(const std::string& name, const std::string& form, const quench::onnx::OnnxModel& model,
           const Tensor& images, const Tensor& logits, const nlohmann::json& saturation = {}) {
    const std::string file = fmt::format("{}-{}", name, form);
    quench::onnx::write_onnx(folder_ / (file + ".onnx"), model);
    write(file + ".images", images.to_row_major());
    write(file + ".logits", logits.to_row_major());
    list_.push_back({{"name", name},
                     {"form", form},
                     {"file", file},
                     {"dims", {images.dim(0), images.dim(1), images.dim(2), images.dim(3)}},
                     {"classes", logits.dim(1)},
                     {"fused", quench::onnx::fused_convolutions(model).fused.size()},
                     {"saturation", saturation}});
  }

  void add_integers(const std::string& name, const IntegerNetwork& network, const Tensor& images) {
    const Tensor logits = Engine(network)(images);
    const nlohmann::json saturation = saturation_of(network, images, logits);
    add(name, "operands", quench::onnx::export_integers(network, {}).model, images, logits,
        saturation);
    const bool offset = std::ranges::any_of(network.operations, [&](const Operation& operation) {
      return std::holds_alternative<Convolution>(operation.kind) &&
             network.values[operation.inputs[0]].grid->offset != 0.0f;
    });
    if (!offset)
      add(name, "sums",
          quench::onnx::export_integers(network, {.scales = quench::onnx::OnnxScales::sums}).model,
          images, logits, saturation);
  }

  void finish() const { write_file_atomically(folder_ / "cases.json", list_.dump(1)); }

 private:
  void write(const std::string& name, const std::vector<float>& values) const {
    write_file_atomically(folder_ / name, std::as_bytes(std::span(values)));
  }

  std::filesystem::path folder_;
  nlohmann::json list_ = nlohmann::json::array();
};

/// A network with a channel whose bias needs 37 bits in units of its sum.
IntegerNetwork with_dead_channel(IntegerNetwork network) {
  const auto wide = std::ranges::find_if(network.operations, [](const Operation& operation) {
    const auto* conv = std::get_if<Convolution>(&operation.kind);
    return conv != nullptr && !conv->pool;
  });
  auto& conv = std::get<Convolution>(wide->kind);
  quant::QuantGrid& grid = conv.weight_grid;
  const auto channels = static_cast<std::size_t>(conv.out_channels);
  if (grid.axis != 0) {
    grid.axis = 0;
    grid.scale.resize(channels, grid.scale[0]);
    grid.zero_point.resize(channels, grid.zero_point[0]);
  }
  conv.bias.resize(channels);
  conv.bias[0] = 1.0f;
  grid.scale[0] = std::ldexp(1.0f, -37) / network.values[wide->inputs[0]].grid->scale[0];
  return network;
}

/// @param c  what it was trained with
void add_trained(Cases& cases, const std::string& model, layers::Module& network,
                 const testing::QuantizedCase& c) {
  const std::string bits =
      fmt::format("{}-{}", c.weight_bits == 0 ? c.bits : c.weight_bits, c.bits);
  fmt::print("{} {} {}\n", model, c.method, bits);
  const Shape image{1, 3, c.image_size, c.image_size};
  const Tensor images = testing::random_tensor({kImages, 3, c.image_size, c.image_size}, 9);
  cases.add_integers(fmt::format("{}-{}-{}", model, c.method, bits), freeze(network, image),
                     images);
  if (c.method != "ab" || c.weight_bits != 0) return;
  network.set_quantizer_mode(quant::Mode::bypass);
  const NoGradGuard no_grad;
  cases.add(model, "float", quench::onnx::export_float(network, image, std::nullopt), images,
            network(Variable(images)).value());
}

void add_network(Cases& cases, const testing::QuantizedCase& c) {
  add_trained(cases, c.model, *testing::trained_network(c), c);
}

void add_composed(Cases& cases, const std::string& name,
                  const std::function<std::unique_ptr<layers::Module>()>& make,
                  const testing::QuantizedCase& c) {
  const auto network = make();
  testing::train_quantizers(*network, c);
  add_trained(cases, name, *network, c);
}

/// Adds a network at 8-8 and 4-8 bits with three methods.
template <typename Add>
void with_methods(testing::QuantizedCase c, Add add) {
  for (const char* method : {"ab", "symmetric", "tqt"}) {
    c.method = method;
    for (const int weight_bits : {0, 4}) {
      c.weight_bits = weight_bits;
      add(c);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  Cases cases(argv[1]);
  const IntegerNetwork small = testing::small_network();
  cases.add_integers("small", small, testing::random_tensor({kImages, 3, 6, 6}, 3));
  cases.add_integers("small_graph", testing::small_graph(),
                     testing::random_tensor({kImages, 2, 4, 4}, 3));
  cases.add_integers("small_branches", testing::small_branches(),
                     testing::random_tensor({kImages, 4, 3, 2}, 3));
  const testing::QuantizedCase resnet{.model = "resnet8"};
  cases.add_integers("dead_channel",
                     with_dead_channel(freeze(*testing::trained_network(resnet), {1, 3, 16, 16})),
                     testing::random_tensor({kImages, 3, 16, 16}, 9));
  for (const char* method : {"ab", "ste"})
    add_network(cases, {.model = "binarynet", .image_size = 32, .method = method, .bits = 1});
  for (const auto& [name, make] : kComposed) {
    with_methods({.image_size = testing::kComposedSide},
                 [&](const auto& c) { add_composed(cases, name, make, c); });
  }
  for (const layers::models::ModelInfo& model : layers::models::registered_models()) {
    if (model.name == "binarynet" || model.name == "cnv") continue;  // made for one bit
    with_methods({.model = model.name}, [&](const auto& c) { add_network(cases, c); });
  }
  cases.finish();
  return 0;
}
