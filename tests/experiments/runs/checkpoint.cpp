#include "experiments/runs/checkpoint.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <stdexcept>

#include "experiments/experiment.h"
#include "experiments/small_experiment.h"
#include "layers/loss.h"
#include "layers/quantized_layer.h"
#include "layers/trainable_scale.h"

namespace quench::experiments {
namespace {

const Checkpoint kCheckpoint{.progress = {.epoch = 1,
                                          .step_in_epoch = 2,
                                          .step = 6,
                                          .loss_sum = 0.1 + 0.2,
                                          .correct = 11,
                                          .seen = 64},
                             .best_top1 = 12.5,
                             .signs = {}};

/// A network, its optimizer, and a function that changes both.
struct Run {
  explicit Run(const std::vector<std::string>& overrides)
      : config(small_experiment(overrides)),
        data(load_data(config)),
        network(build_network(config, data.train->format())),
        optimizer(train::make_optimizer({.name = "adam"}, network->parameters())),
        loader(training_loader(config, data.train)) {
    for (layers::QuantizedLayer* layer : network->quantized_layers())
      for (const auto& [slot, quantizer] : layer->quantizers())
        quantizer->begin_training(
            {.total_steps = 8, .steps_per_epoch = 4, .adaptive_optimizer = true});
  }

  void train(std::int64_t first, std::int64_t steps) {
    loader->start_epoch(0, first);
    for (std::int64_t step = first; step < first + steps; ++step) {
      const auto batch = loader->next();
      optimizer->zero_grad();
      layers::make_loss({})((*network)(Variable(batch->images)), batch->labels).backward();
      optimizer->step(0.01f);
      for (layers::QuantizedLayer* layer : network->quantized_layers())
        for (const auto& [slot, quantizer] : layer->quantizers()) quantizer->step(step);
    }
  }

  ExperimentConfig config;
  Data data;
  std::unique_ptr<layers::Module> network;
  std::unique_ptr<train::Optimizer> optimizer;
  std::unique_ptr<datasets::Loader> loader;
};

void check_same(const TensorFile& a, const TensorFile& b) {
  REQUIRE(a.tensors.size() == b.tensors.size());
  for (const auto& [name, tensor] : a.tensors) {
    CAPTURE(name);
    REQUIRE(b.tensors.contains(name));
    const Tensor& other = b.tensors.at(name);
    REQUIRE(tensor.bytes() == other.bytes());
    CHECK(std::memcmp(tensor.bytes_begin(), other.bytes_begin(), tensor.bytes()) == 0);
  }
}

/// A float network's state, for tests to damage.
struct Spoiled {
  Run run{{}};
  TensorFile file = train::network_state(*run.network, "binarynet");

  std::string message() {
    try {
      train::load_network(*run.network, "binarynet", file, "some.safetensors");
    } catch (const std::runtime_error& error) {
      return error.what();
    }
    return "no error";
  }
};

TEST_CASE("checkpoint: NaN and infinity are rejected, with tensor and position") {
  Spoiled spoiled;
  const auto spoil = [&](const std::string& name, std::int64_t index, float value) {
    Tensor tensor = spoiled.file.tensors.at(name).clone();
    tensor.data()[index] = value;
    spoiled.file.tensors[name] = tensor;
  };
  spoil("bn1.running_var", 2, INFINITY);
  spoil("conv1.weight", 0, NAN);
  CHECK(spoiled.message() ==
        "some.safetensors: does not fit the network: bn1.running_var contains inf at [2]; "
        "conv1.weight contains nan at [0, 0, 0, 0]");
}

TEST_CASE("checkpoint: restores network, quantizers, optimizer and position bit for bit") {
  const TemporaryFolder folder;
  for (const auto& overrides : kQuantizations) {
    Run original(overrides);
    original.train(0, 2);
    save_checkpoint(folder / "a", *original.network, "binarynet", *original.optimizer, kCheckpoint);

    Run restored(overrides);
    const Checkpoint checkpoint =
        load_checkpoint(folder / "a", *restored.network, "binarynet", *restored.optimizer);
    CHECK(checkpoint.progress.epoch == 1);
    CHECK(checkpoint.progress.step_in_epoch == 2);
    CHECK(checkpoint.progress.step == 6);
    CHECK(checkpoint.progress.loss_sum == 0.1 + 0.2);
    CHECK(checkpoint.progress.correct == 11);
    CHECK(checkpoint.progress.seen == 64);
    CHECK(checkpoint.best_top1 == 12.5);
    check_same(train::network_state(*original.network, "m"),
               train::network_state(*restored.network, "m"));

    // Nothing is missing: both continue identically.
    original.train(2, 2);
    restored.train(2, 2);
    save_checkpoint(folder / "b", *original.network, "binarynet", *original.optimizer, checkpoint);
    save_checkpoint(folder / "c", *restored.network, "binarynet", *restored.optimizer, checkpoint);
    CHECK(read_bytes(folder / "b") == read_bytes(folder / "c"));
  }
}

TEST_CASE("checkpoint: all mismatches are reported together") {
  Spoiled spoiled;
  spoiled.file.tensors.erase("conv1.weight");
  spoiled.file.tensors["bn2.bias"] = Tensor::zeros({3});
  spoiled.file.tensors["bn2.weight"] = Tensor::zeros({8}, DType::f64);
  spoiled.file.tensors["conv77.weight"] = Tensor::zeros({3});
  CHECK(spoiled.message() ==
        "some.safetensors: does not fit the network: bn2.bias is f32 [3] and should be f32 [8]; "
        "bn2.weight is f64 [8] and should be f32 [8]; conv1.weight is missing; conv77.weight is "
        "unknown");
}

TEST_CASE("checkpoint: a rejected file does not change the network") {
  Spoiled spoiled;
  const TensorFile before = train::network_state(*spoiled.run.network, "binarynet");
  for (auto& [name, tensor] : spoiled.file.tensors) tensor = tensor.clone();
  spoiled.file.tensors["bn1.bias"].data()[0] = 5.0f;
  spoiled.file.tensors.erase("conv6.weight");
  CHECK(spoiled.message() != "no error");
  CHECK(before.tensors.at("bn1.bias").data()[0] == 0.0f);
}

TEST_CASE("checkpoint: one of another model, or without a model") {
  Spoiled spoiled;
  spoiled.file.metadata["model"] = "mobilenet";
  CHECK(spoiled.message() ==
        "some.safetensors: expected a checkpoint of binarynet, got one of mobilenet");
  spoiled.file.metadata.clear();
  CHECK(spoiled.message().find("not a quench checkpoint") != std::string::npos);
}

TEST_CASE(
    "checkpoint: quantizer state is missing in a float network and unknown to another method") {
  Run floating({}), ab({"quant.method=ab", "quant.bits=1"}),
      ste({"quant.method=ste", "quant.bits=1"});
  const auto message = [](Run& into, Run& from) {
    try {
      train::load_network(*into.network, "binarynet",
                          train::network_state(*from.network, "binarynet"), "x");
    } catch (const std::runtime_error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  CHECK(message(ab, floating).find("conv3.weight: expected state 'alpha', got none") !=
        std::string::npos);
  CHECK(message(ste, ab).find("conv3.weight_quantizer.alpha is unknown") != std::string::npos);
  CHECK(message(ste, floating) == "no error");  // 1-bit ste has no state
}

TEST_CASE("checkpoint: a network without a training position cannot be resumed") {
  const TemporaryFolder folder;
  Run run({});
  write_safetensors(folder / "a", train::network_state(*run.network, "binarynet"));
  CHECK_THROWS_WITH_AS(load_checkpoint(folder / "a", *run.network, "binarynet", *run.optimizer),
                       doctest::Contains("has a network but no training position"),
                       std::runtime_error);
}

TEST_CASE("checkpoint: an impossible training position is rejected") {
  const TemporaryFolder folder;
  Run run({});
  for (const double epoch : {-1.0, std::nan(""), 1e300}) {
    TensorFile file = train::network_state(*run.network, "binarynet");
    file.tensors["training.progress"] =
        Tensor::from_row_major<double>({7}, std::vector<double>{epoch, 0, 0, 0, 0, 0, 0});
    write_safetensors(folder / "a", file);
    CHECK_THROWS_WITH_AS(load_checkpoint(folder / "a", *run.network, "binarynet", *run.optimizer),
                         doctest::Contains("not a count"), std::runtime_error);
  }
}

TEST_CASE("load_weights: a float network initializes a quantized one; quantizer state is ignored") {
  Run floating({}), ab({"quant.method=ab", "quant.bits=4"});
  floating.train(0, 2);
  const TensorFile state = train::network_state(*floating.network, "binarynet");
  train::load_weights(*ab.network, "binarynet", state, "x");
  for (const auto& [name, tensor] : state.tensors) {
    CAPTURE(name);
    CHECK(train::network_state(*ab.network, "binarynet").tensors.at(name).to_row_major() ==
          tensor.to_row_major());
  }
  train::load_weights(*floating.network, "binarynet",
                      train::network_state(*ab.network, "binarynet"), "x");

  TensorFile unknown = state;
  unknown.tensors["conv77.weight"] = Tensor::zeros({1});
  CHECK_THROWS_WITH_AS(train::load_weights(*ab.network, "binarynet", unknown, "x"),
                       "x: does not fit the network: conv77.weight is unknown", std::runtime_error);
}

TEST_CASE("checkpoint: a quantizer's trained values are restored, but not by load_weights") {
  const auto with_scale = [](float scale) {
    auto run = std::make_unique<Run>(std::vector<std::string>{});
    run->network->quantized_layers()[2]->set_input_quantizer(
        std::make_unique<testing::TrainableScale>());
    for (layers::Parameter& parameter : run->network->parameters()) {
      if (parameter.kind == layers::ParameterKind::quantizer) {
        parameter.value.mutable_value().copy_from(Tensor::scalar(scale));
      }
    }
    return run;
  };
  const auto from = with_scale(0.25f), into = with_scale(0.75f);
  const auto scale = [&] {
    return into->network->quantized_layers()[2]->input_quantizer().grid().scale[0];
  };
  const TensorFile state = train::network_state(*from->network, "binarynet");
  CHECK(state.tensors.contains("conv3.input_quantizer.scale"));
  train::load_weights(*into->network, "binarynet", state, "x");
  CHECK(scale() == 0.75f);
  train::load_network(*into->network, "binarynet", state, "x");
  CHECK(scale() == 0.25f);
}

}  // namespace
}  // namespace quench::experiments
