#include "train/network_state.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "experiments/run.h"
#include "experiments/runs/checkpoint.h"
#include "experiments/small_experiment.h"
#include "layers/quantizable_module.h"

namespace quench::train {
namespace {

using Overrides = std::vector<std::string>;
using Values = std::map<std::string, std::vector<double>>;

/// Trains an epoch, and returns the checkpoint's contents.
TensorFile trained(const Overrides& overrides) {
  const TemporaryFolder parent;
  const experiments::RunFolder folder = experiments::RunFolder::create_at(parent / "run");
  experiments::Run(experiments::small_experiment(overrides)).train(folder, [] { return false; });
  return read_safetensors(folder.last());
}

/// A network that a new run of `overrides` begins with, given the quantizers of `file`.
struct Fresh {
  std::unique_ptr<layers::Module> network;
  KeptQuantizers quantizers;
  Fresh(const Overrides& overrides, const TensorFile& file) {
    const experiments::ExperimentConfig config = experiments::small_experiment(overrides);
    network = experiments::build_network(config, experiments::load_data(config).train->format());
    layers::for_each_quantizer(*network, [](quant::Quantizer& quantizer) {
      quantizer.begin_training({.total_steps = 8, .steps_per_epoch = 4});
    });
    quantizers = load_trained_quantizers(*network, file);
  }
  TensorFile state() const { return network_state(*network, "binarynet"); }
};

bool same_values(const Tensor& a, const Tensor& b) {
  return std::ranges::equal(std::span(a.bytes_begin(), a.bytes()),
                            std::span(b.bytes_begin(), b.bytes()));
}

TEST_CASE("trained quantizers: scales, thresholds and ranges are kept if the methods agree") {
  for (const char* method : {"lsq", "lsq_plus", "pact", "tqt", "fat", "affine", "ste", "ewgs"}) {
    CAPTURE(method);
    const Overrides overrides{"quant.method=" + std::string(method), "quant.bits=4",
                              "train.epochs=1"};
    const TensorFile file = trained(overrides);
    const Fresh fresh(overrides, file);
    CHECK(fresh.quantizers.fresh.empty());
    CHECK(fresh.quantizers.kept > 8);
    const TensorFile state = fresh.state();
    for (const auto& [name, tensor] : state.tensors) {
      if (name.find("quantizer.") == std::string::npos || name.ends_with(".steps") ||
          name.ends_with(".next_step"))
        continue;
      CAPTURE(name);
      CHECK(same_values(tensor, file.tensors.at(name)));
    }
  }
}

TEST_CASE("trained quantizers: a new run has its own alpha and its own freezing") {
  const Overrides ab{"quant.method=ab", "quant.bits=4", "train.epochs=2"};
  const TensorFile blended = trained(ab);
  const Fresh fresh(ab, blended);
  const TensorFile state = fresh.state();
  int alphas = 0;
  for (const auto& [name, tensor] : state.tensors) {
    if (!name.ends_with("quantizer.alpha")) continue;
    ++alphas;
    CHECK(*blended.tensors.at(name).data<double>() == 1.0);
    CHECK(*tensor.data<double>() == 0.0);
  }
  CHECK(alphas > 8);

  const Overrides tqt{"quant.method=tqt",         "quant.bits=4",
                      "quant.tqt.freeze=true",    "quant.tqt.freeze_start=0",
                      "quant.tqt.freeze_every=1", "train.epochs=2"};
  const TensorFile frozen = trained(tqt);
  const Fresh thawed(tqt, frozen);
  const TensorFile thawed_state = thawed.state();
  for (const auto& [name, tensor] : thawed_state.tensors) {
    if (name.ends_with("quantizer.freezing")) CHECK(tensor.data<double>()[3] == 0.0);
    if (name.ends_with("quantizer.log2_t")) CHECK(same_values(tensor, frozen.tensors.at(name)));
  }
}

TEST_CASE("trained quantizers: another method, other bits or another granularity start fresh") {
  const Overrides lsq{"quant.method=lsq", "quant.bits=4", "train.epochs=1"};
  const TensorFile file = trained(lsq);
  const auto with = [&](const char* more) {
    Overrides overrides = lsq;
    overrides.emplace_back(more);
    return Fresh(overrides, file).quantizers;
  };
  CHECK(with("quant.bits=3").kept == 0);
  CHECK(with("quant.method=tqt").kept == 0);
  const KeptQuantizers mixed = with("quant.weight.granularity=per_channel");
  CHECK(mixed.kept > 0);
  REQUIRE(mixed.fresh.size() > 0);
  CHECK(
      mixed.fresh[0].ends_with(" (it had lsq 4 bits per_tensor, and has lsq 4 bits per_channel)"));

  // A checkpoint of quench 0.1, which does not record it.
  TensorFile old = file;
  old.metadata.erase(kQuantizers);
  CHECK(Fresh(lsq, old).quantizers.kept == 0);

  // Another shape: nothing is loaded.
  TensorFile odd = file;
  std::string spoiled;
  for (auto& [name, tensor] : odd.tensors) {
    if (!spoiled.empty() || !name.ends_with("weight_quantizer.scale")) continue;
    tensor = Tensor::zeros({2});
    spoiled = name;
  }
  REQUIRE_FALSE(spoiled.empty());
  const Fresh fresh(lsq, odd);
  CHECK(fresh.quantizers.fresh.size() == 1);
}

}  // namespace
}  // namespace quench::train
