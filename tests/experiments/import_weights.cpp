#include "experiments/import_weights.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <limits>
#include <stdexcept>

#include "layers/models/registry.h"
#include "layers/quantized_layer.h"
#include "train/network_state.h"

namespace quench::experiments {
namespace {

constexpr const char* kModel = "resnet20";

std::unique_ptr<layers::Module> make(std::uint64_t seed, double width = 0.125,
                                     std::int64_t classes = 10, const std::string& model = kModel) {
  Random random(seed, "test");
  Settings settings = Settings::from({{"width", width}});
  return layers::models::make_model(model, settings, {.classes = classes}, random);
}

/// All tensors of another network, under the names of its source.
ForeignWeights weights_of(layers::Module& network) {
  ForeignWeights weights{.path = "other.safetensors"};
  for (const layers::Parameter& p : network.parameters())
    weights.file.tensors[p.name] = p.value.value();
  for (const layers::Buffer& b : network.buffers()) weights.file.tensors[b.name] = b.value;
  return weights;
}

std::string error(layers::Module& network, const ForeignWeights& weights) {
  try {
    import_weights(network, kModel, weights);
  } catch (const std::runtime_error& e) {
    return e.what();
  }
  return "";
}

TEST_CASE("import_weights: the network becomes the one in the file") {
  const auto source = make(1), target = make(2);
  const ForeignWeights weights = weights_of(*source);
  const ImportReport report = import_weights(*target, kModel, weights);
  CHECK(report.source == "akamaster/pytorch_resnet_cifar10");
  CHECK(report.tensors == static_cast<std::int64_t>(weights.file.tensors.size()));
  const Variable image(Tensor::full({1, 3, 32, 32}, 0.5f));
  source->set_training(false);
  target->set_training(false);
  const Tensor expected = (*source)(image).value(), actual = (*target)(image).value();
  CHECK(std::memcmp(expected.data(), actual.data(), expected.bytes()) == 0);
}

TEST_CASE("import_weights: a negative variance is rejected, as in a checkpoint") {
  const auto source = make(1), target = make(2);
  ForeignWeights weights = weights_of(*source);
  Tensor variance = weights.file.tensors.at("bn1.running_var").clone();
  variance.data()[0] = -1.0f;
  weights.file.tensors["bn1.running_var"] = variance;
  CHECK(error(*target, weights) ==
        "other.safetensors: does not fit the network, 1 tensor:\n  bn1.running_var contains a "
        "negative "
        "variance");
}

TEST_CASE("import_weights: every tensor that does not fit is listed, and nothing is copied") {
  const auto source = make(1), target = make(2);
  const std::vector<float> before = target->parameters()[0].value.value().to_row_major();
  ForeignWeights weights = weights_of(*source);
  weights.file.tensors.erase("bn1.running_var");
  weights.file.tensors.erase("layer3.2.conv2.weight");
  weights.file.tensors["layer1.0.bn2.bias"] = Tensor::zeros({3});
  weights.file.tensors["linear.bias"] = Tensor::zeros({10}, DType::f64);
  weights.file.tensors["layer4.0.conv1.weight"] = Tensor::zeros({1, 2});
  CHECK(error(*target, weights) ==
        "other.safetensors: does not fit the network, 5 tensors:\n"
        "  bn1.running_var f32 [2] is missing\n"
        "  layer1.0.bn2.bias is f32 [3] and should be f32 [2]\n"
        "  layer3.2.conv2.weight f32 [8, 8, 3, 3] is missing\n"
        "  linear.bias is f64 [10] and should be f32 [10]\n"
        "  layer4.0.conv1.weight f32 [1, 2] is unknown");
  CHECK(target->parameters()[0].value.value().to_row_major() == before);
}

TEST_CASE("import_weights: a network without published weights, by the names of its parts") {
  for (const char* model : {"binarynet", "cnv", "resnet8"}) {
    const auto source = make(1, 0.125, 10, model), target = make(2, 0.125, 10, model);
    const ForeignWeights weights = weights_of(*source);
    CHECK(classes_in(weights, *target, model) == 10);
    CHECK(import_weights(*target, model, weights).source == "quench");
    CHECK(target->parameters()[0].value.value().to_row_major() ==
          source->parameters()[0].value.value().to_row_major());
  }
}

TEST_CASE("import_weights: a description in the metadata of others' files") {
  Random random(1, "test");
  Settings settings;
  const auto build = [&] {
    return layers::models::make_model("resnet20", settings, {.classes = 10}, random);
  };
  const auto source = build(), target = build();
  ForeignWeights weights{.path = "others.safetensors"};
  for (const layers::Parameter& parameter : source->parameters())
    weights.file.tensors[parameter.name] = parameter.value.value();
  for (const layers::Buffer& buffer : source->buffers())
    if (buffer.value.dtype() == DType::f32) weights.file.tensors[buffer.name] = buffer.value;
  weights.file.metadata["model"] = "resnet20 CIFAR-10 (option A shortcuts)";
  import_weights(*target, "resnet20", weights);
  CHECK(std::ranges::equal(target->parameters()[0].value.value().span(),
                           source->parameters()[0].value.value().span()));
}

TEST_CASE("import_weights: a checkpoint of each model, whatever else it contains") {
  for (const layers::models::ModelInfo& info : layers::models::registered_models()) {
    CAPTURE(info.name);
    const bool any_width = !info.name.starts_with("resnet18") && !info.name.starts_with("resnet50");
    const auto build = [&](std::uint64_t seed) {
      Random random(seed, "test");
      Settings settings = any_width ? Settings::from({{"width", 0.125}}) : Settings();
      return layers::models::make_model(info.name, settings, {.classes = 10}, random);
    };
    const auto source = build(1), target = build(2);
    ForeignWeights weights{.path = "own.safetensors"};
    weights.file = train::network_state(*source, info.name);
    // Everything except a dropout's position in its random stream.
    const auto tensors = std::ranges::count_if(
        weights.file.tensors, [](const auto& entry) { return entry.second.dtype() == DType::f32; });
    const std::string layer = source->quantized_layers()[0]->name();
    for (const std::string& name :
         {"optimizer." + layer + ".weight.momentum", std::string("training.progress"),
          layer + ".weight_quantizer.scale"})
      weights.file.tensors[name] = Tensor::zeros({1});
    CHECK(classes_in(weights, *target, info.name) == 10);
    const ImportReport report = import_weights(*target, info.name, weights);
    CHECK(report.source == "quench");
    CHECK(report.tensors == tensors);
    CHECK(train::network_state(*target, info.name).tensors.size() ==
          weights.file.tensors.size() - 3);
    for (std::size_t i = 0; i < source->parameters().size(); ++i)
      CHECK(std::ranges::equal(target->parameters()[i].value.value().span(),
                               source->parameters()[i].value.value().span()));
    const std::string other = info.name == "cnv" ? "binarynet" : "cnv";
    weights.file.metadata["model"] = other;
    CHECK_THROWS_WITH_AS(import_weights(*target, info.name, weights),
                         doctest::Contains(("got one of " + other).c_str()), std::runtime_error);
  }
}

TEST_CASE("import_weights: a user's name map") {
  const auto source = make(1), target = make(2);
  ForeignWeights weights = weights_of(*source);
  auto node = weights.file.tensors.extract("linear.weight");
  node.key() = "head.weight";
  weights.file.tensors.insert(std::move(node));
  CHECK(error(*target, weights).find("linear.weight f32 [10, 8] is missing") != std::string::npos);
  constexpr std::array kNames{layers::models::Rename{"linear.weight", "head.weight"}};
  weights.names = {.source = "map.txt", .renames = kNames};
  CHECK(import_weights(*target, kModel, weights).source == "map.txt");
}

TEST_CASE("import_weights: NaN and infinity are rejected with their position") {
  const auto source = make(1), target = make(2);
  ForeignWeights weights = weights_of(*source);
  Tensor bias = Tensor::zeros({10});
  bias.data()[3] = std::numeric_limits<float>::infinity();
  weights.file.tensors["linear.bias"] = bias;
  CHECK(
      error(*target, weights) ==
      "other.safetensors: does not fit the network, 1 tensor:\n  linear.bias contains inf at [3]");
}

TEST_CASE("classes_in: the rows of the classifier in the file") {
  const auto draft = make(1);
  ForeignWeights weights = weights_of(*make(1, 0.125, 37));
  CHECK(classes_in(weights, *draft, kModel) == 37);
  weights.file.tensors.erase("linear.weight");
  CHECK_THROWS_WITH_AS(classes_in(weights, *draft, kModel),
                       "other.safetensors: expected weights of resnet20 with the classifier "
                       "linear.weight (names of akamaster/pytorch_resnet_cifar10), got none",
                       std::runtime_error);
}

TEST_CASE("read_foreign_weights: without batch counts, and without a common \"module.\"") {
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / "quench_foreign_weights.safetensors";
  const std::string header =
      R"({"module.bn1.num_batches_tracked":{"dtype":"I64","shape":[],"data_offsets":[0,8]},)"
      R"("module.bn1.weight":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})";
  std::ofstream file(path, std::ios::binary);
  const std::uint64_t length = header.size();
  file.write(reinterpret_cast<const char*>(&length), sizeof length);
  file << header;
  const float value = 3.5f;
  file.write("\1\0\0\0\0\0\0", 8).write(reinterpret_cast<const char*>(&value), sizeof value);
  file.close();
  const ForeignWeights weights = read_foreign_weights(path);
  std::filesystem::remove(path);
  REQUIRE(weights.file.tensors.size() == 1);
  CHECK(weights.file.tensors.at("bn1.weight").item() == 3.5f);
}

}  // namespace
}  // namespace quench::experiments
