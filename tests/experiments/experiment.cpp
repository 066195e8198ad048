#include "experiments/experiment.h"

#include <doctest/doctest.h>

#include <stdexcept>

#include "experiments/runs/checkpoint.h"
#include "experiments/small_experiment.h"
#include "layers/quantized_layer.h"

namespace quench::experiments {
namespace {

TEST_CASE("resolved config: reads back to the same experiment, with every default written out") {
  for (const auto& overrides : kQuantizations) {
    const ExperimentConfig config = small_experiment(overrides);
    const Data data = load_data(config);
    const auto network = build_network(config, data.train->format());
    const std::string text = config.resolved();
    CAPTURE(text);

    const TemporaryFolder folder;
    write_text(folder / "config.toml", text);
    const ExperimentConfig again = load_experiment(folder / "config.toml");
    const auto same = build_network(again, data.train->format());
    CHECK(again.resolved() == text);
    const auto layers = network->quantized_layers(), others = same->quantized_layers();
    REQUIRE(layers.size() == others.size());
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const auto slots = layers[i]->quantizers(), other_slots = others[i]->quantizers();
      for (std::size_t slot = 0; slot < slots.size(); ++slot) {
        const quant::Quantizer &a = *slots[slot].second, &b = *other_slots[slot].second;
        CHECK(a.quantizes() == b.quantizes());
        CHECK(a.bits() == b.bits());
        CHECK(a.granularity() == b.granularity());
      }
    }
    CHECK(text.find("activation = \"hardtanh\"") != std::string::npos);
    CHECK(text.find("beta2 = 0.999") != std::string::npos);
    CHECK(text.find("granularity = \"") != std::string::npos);
  }
}

TEST_CASE("resolved config: contains the defaults that a method read") {
  const ExperimentConfig config = small_experiment({"quant.method=ste", "quant.bits=1"});
  build_network(config, data_format(config));
  CHECK(config.resolved().find("clip = 1.0") != std::string::npos);
  CHECK(config.resolved().find("weight_gradient = \"identity\"") != std::string::npos);
}

TEST_CASE("build_network: the same seed gives the same weights, another seed different ones") {
  const auto weights = [](const char* seed) {
    const ExperimentConfig config = small_experiment({seed});
    return build_network(config, data_format(config))->parameters()[0].value.value();
  };
  CHECK(weights("train.seed=5").to_row_major() == weights("train.seed=5").to_row_major());
  CHECK(weights("train.seed=5").to_row_major() != weights("train.seed=6").to_row_major());
}

TEST_CASE("build_network: a leftover key of [model] or [quant] is an error") {
  for (const char* key : {"model.widht=0.5", "quant.methd=ste"}) {
    CAPTURE(key);
    const ExperimentConfig config = small_experiment({key});
    const Data data = load_data(config);
    CHECK_THROWS_WITH_AS(build_network(config, data.train->format()),
                         doctest::Contains("did you mean"), std::invalid_argument);
  }
}

TEST_CASE("is_quantized: whether any slot is filled") {
  const auto quantized = [](const std::vector<std::string>& overrides) {
    const ExperimentConfig config = small_experiment(overrides);
    return layers::is_quantized(*build_network(config, data_format(config)));
  };
  CHECK_FALSE(quantized({}));
  CHECK(quantized({"quant.last_layer={weight={method='ste',bits=2}}"}));
}

TEST_CASE("load_data: held-out images are the end of the training set, and evaluate the run") {
  const Data all = load_data(small_experiment());
  CHECK(all.train->size() == 64);
  CHECK(all.validation == nullptr);
  CHECK(all.evaluation() == all.test);

  const Data split = load_data(small_experiment({"data.validation_size=14"}));
  CHECK(split.train->size() == 50);
  REQUIRE(split.validation != nullptr);
  CHECK(split.validation->size() == 14);
  CHECK(split.evaluation() == split.validation);
  std::vector<std::uint8_t> held(32 * 32 * 3), original(held.size());
  CHECK(split.validation->read(0, held) == all.train->read(50, original));
  CHECK(held == original);

  CHECK_THROWS_WITH_AS(load_data(small_experiment({"data.validation_size=64"})),
                       "data.validation_size: expected fewer than the 64 training images, got 64",
                       std::invalid_argument);
}

TEST_CASE("loaders: training leaves out a partial batch, evaluation does not") {
  const ExperimentConfig config =
      small_experiment({"train.batch_size=25", "train.eval_batch_size=25"});
  const Data data = load_data(config);
  CHECK(training_loader(config, data.train)->batches_per_epoch() == 2);
  CHECK(evaluation_loader(config, data.train)->batches_per_epoch() == 3);
  CHECK_THROWS_WITH_AS(training_loader(small_experiment({"train.batch_size=65"}), data.train),
                       "train.batch_size: expected at most the 64 training images, got 65",
                       std::invalid_argument);
}

}  // namespace
}  // namespace quench::experiments
