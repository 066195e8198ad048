#include "experiments/post_training.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/ops/elementwise.h"
#include "core/ops/reduce.h"
#include "core/safetensors.h"
#include "experiments/probe_quantizer.h"
#include "experiments/run.h"
#include "experiments/runs/checkpoint.h"
#include "experiments/small_experiment.h"
#include "layers/module.h"
#include "ptq/input_channels.h"

namespace quench::experiments {
namespace {

CalibrationReport apply(TwoLayers& net, bool equalize, const char* bias_correction,
                        std::int64_t batches = 100) {
  const ptq::CalibrationOptions config{.batches = batches,
                                       .weights = {},
                                       .activations = {},
                                       .equalize = equalize,
                                       .bias_correction = bias_correction};
  return apply_calibration(net.network, config, *ten_pixels(3));
}

TEST_CASE("apply_calibration: ranges are those of the equalized network") {
  TwoLayers net({0.25f, 0.6f, 4.0f});
  const Probe& first = net.probe_weight(*net.first);
  const Probe& second = net.probe_weight(*net.second);
  const Probe& features = net.probe_input(*net.second);
  const CalibrationReport report = apply(net, true, "none");
  REQUIRE(report.equalization.has_value());
  CHECK(report.equalization->pairs ==
        std::vector<std::pair<std::string, std::string>>{{"first", "second"}});
  CHECK_FALSE(report.bias_correction.has_value());
  // With 1, 1, 1 in the second layer both become the roots, and features are divided by these.
  CHECK(first.ranges.at(0).max == doctest::Approx(2.0));
  CHECK(second.ranges.at(0).max == doctest::Approx(2.0));
  CHECK(features.ranges.at(0).min == doctest::Approx(-80.0 / 2.0));
  CHECK(features.ranges.at(0).max == doctest::Approx((4.0 * 63.0 - 80.0) / 2.0));
}

TEST_CASE(
    "apply_calibration: biases are corrected for the mean rounding error of the given batches") {
  for (const auto& [batches, mean] : {std::pair{100, 31.5}, {2, 17.5}}) {
    CAPTURE(batches);
    TwoLayers net({0.0f, 0.6f, 2.3f});
    net.probe_weight(*net.first);
    const CalibrationReport report = apply(net, false, "empirical", batches);
    CHECK_FALSE(report.equalization.has_value());
    REQUIRE(report.bias_correction.has_value());
    CHECK(report.bias_correction->corrected == std::vector<std::string>{"first"});
    // 0.6 becomes 1, and 2.3 becomes 2.
    const Tensor& bias = net.first->bias().value();
    CHECK(bias.data()[0] == 0.0f);
    CHECK(bias.data()[1] == doctest::Approx(-20.0 - (1.0 - 0.6) * mean));
    CHECK(bias.data()[2] == doctest::Approx(-80.0 - (2.0 - 2.3) * mean));
  }
}

TEST_CASE("apply_calibration: only the steps in the config, and no batches is an error") {
  TwoLayers net({0.0f, 0.6f, 2.3f});
  net.probe_weight(*net.first);
  const CalibrationReport report = apply(net, false, "none");
  CHECK_FALSE(report.equalization.has_value());
  CHECK_FALSE(report.bias_correction.has_value());
  CHECK(net.first->weight().value().to_row_major() == std::vector<float>{0.0f, 0.6f, 2.3f});
  CHECK(net.first->bias().value().to_row_major() == std::vector<float>{0.0f, -20.0f, -80.0f});
  for (const bool equalize : {false, true})
    CHECK_THROWS_AS(apply(net, equalize, "empirical", 0), std::invalid_argument);
}

using Overrides = std::vector<std::string>;

const Overrides kResNet{"model={name=\"resnet8\", width=0.25}",
                        "quant.first_layer.activation.method=none",
                        "quant.method=symmetric",
                        "quant.bits=3",
                        "quant.granularity=per_tensor",
                        "train.bn_batches=0"};

Overrides with(Overrides overrides, const Overrides& more) {
  overrides.insert(overrides.end(), more.begin(), more.end());
  return overrides;
}

/// A checkpoint of `overrides` trained in float for a few steps.
void train_float(const Overrides& overrides, const std::filesystem::path& file) {
  Run run(small_experiment(with(overrides, {"quant.method=none"})));
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  run.train(folder, [] { return false; });
  write_safetensors(file, train::network_state(run.network(), run.config().model.name));
}

struct Outcome {
  PostTrainingResult result;
  Tensor trained, floating, quantized;  ///< logits of the images calibrated on
  Tensor reloaded;                      ///< of the network that its checkpoint makes, quantized
};

Tensor logits(layers::Module& network, datasets::Loader& images, quant::Mode mode) {
  const NoGradGuard no_grad;
  const layers::ModeGuard modes(network, false, mode);
  images.start_epoch(0);
  return network(Variable(images.next()->images)).value();
}

Outcome outcome(const Overrides& overrides) {
  const TemporaryFolder folder;
  const auto file = folder / "float.safetensors";
  train_float(kResNet, file);
  const ExperimentConfig config = small_experiment(
      with(with(kResNet, overrides), {"train.init_from=\"" + file.string() + "\""}));
  const ptq::CalibrationOptions calibration =
      read_calibration(config.root, config.train.eval_batch_size);
  const Data data = load_data(config);
  const auto images = calibration_loader(config, calibration, data.train);
  const auto network = load_trained(config, data.train->format());
  Outcome outcome;
  outcome.trained = logits(*network, *images, quant::Mode::bypass);
  outcome.result = quantize_after_training(config, calibration, data, *network);
  outcome.floating = logits(*network, *images, quant::Mode::bypass);
  outcome.quantized = logits(*network, *images, quant::Mode::evaluation);

  const auto saved = folder / "quantized.safetensors";
  write_safetensors(saved, train::network_state(*network, config.model.name));
  const auto again = build_network(config, data.train->format());
  train::load_network(*again, config.model.name, read_safetensors(saved), saved);
  outcome.reloaded = logits(*again, *images, quant::Mode::evaluation);
  return outcome;
}

double mean_logit_error(const Outcome& outcome) {
  std::vector<double> sums(static_cast<std::size_t>(outcome.trained.dim(1)));
  const auto wanted = outcome.trained.to_row_major(), got = outcome.quantized.to_row_major();
  for (std::size_t i = 0; i < got.size(); ++i)
    sums[i % sums.size()] += static_cast<double>(got[i]) - static_cast<double>(wanted[i]);
  double largest = 0.0;
  for (const double sum : sums) largest = std::max(largest, std::abs(sum));
  return largest / static_cast<double>(outcome.trained.dim(0));
}

/// The images that calibrate, each as the sum of its values.
std::vector<double> calibration_images(const std::string& sample_seed) {
  const ExperimentConfig config = small_experiment(
      with(kResNet, {"calibration.batch_size=10", "calibration.sample_seed=" + sample_seed}));
  const ptq::CalibrationOptions calibration =
      read_calibration(config.root, config.train.eval_batch_size);
  const auto loader = calibration_loader(config, calibration, load_data(config).train);
  std::vector<double> sums;
  loader->start_epoch(0);
  while (const auto batch = loader->next()) {
    const std::int64_t size = batch->images.numel() / batch->images.dim(0);
    for (std::int64_t n = 0; n < batch->images.dim(0); ++n) {
      const auto image = batch->images.span().subspan(static_cast<std::size_t>(n * size),
                                                      static_cast<std::size_t>(size));
      sums.push_back(std::accumulate(image.begin(), image.end(), 0.0));
    }
  }
  return sums;
}

TEST_CASE("post training: sample_seed draws each image once, in another order for each seed") {
  std::vector<double> in_order = calibration_images("-1");
  const std::vector<double> first = calibration_images("1"), again = calibration_images("1"),
                            second = calibration_images("2");
  CHECK(first == again);
  CHECK(first != in_order);
  CHECK(second != first);
  std::ranges::sort(in_order);
  for (std::vector<double> drawn : {first, second}) {
    std::ranges::sort(drawn);
    CHECK(drawn == in_order);
  }
}

TEST_CASE("post training: equalization does not change the float network") {
  for (const char* fold : {"quant.fold_batch_norm=false", "quant.fold_batch_norm=true"}) {
    CAPTURE(fold);
    const Outcome equalized = outcome({"calibration.equalize=true", fold});
    const float largest = max_abs(equalized.trained);
    CHECK(max_abs(subtract(equalized.floating, equalized.trained)) < 1e-4f * largest);
    CHECK(equalized.result.calibration.equalization->pairs.size() == 3);
    CHECK(equalized.reloaded.to_row_major() == equalized.quantized.to_row_major());
    CHECK(equalized.result.layers.size() == 10);
  }
}

TEST_CASE("post training: corrected biases bring the network's mean output closer") {
  const Overrides weights{"quant.activation.method=none"};
  const Outcome plain = outcome(weights);
  CHECK(plain.reloaded.to_row_major() == plain.quantized.to_row_major());
  for (const char* mode : {"empirical", "analytic"}) {
    CAPTURE(mode);
    const std::string key = std::string("calibration.bias_correction=") + mode;
    const Outcome corrected = outcome(with(weights, {key}));
    // After eight steps, running statistics, which the analytic means follow, still lag.
    if (mode == std::string("empirical"))
      CHECK(mean_logit_error(corrected) < 0.7 * mean_logit_error(plain));
    CHECK(corrected.reloaded.to_row_major() == corrected.quantized.to_row_major());
    // Weights and their grids are unchanged; the reference is the trained network.
    const auto& before = plain.result.layers;
    const auto& after = corrected.result.layers;
    for (std::size_t i = 0; i < before.size(); ++i) CHECK(after[i].weight == before[i].weight);
    CHECK(after[0].output == before[0].output);
  }
}

TEST_CASE("a calibrated network is not calibrated again; the error names its original") {
  const TemporaryFolder parent;
  const std::filesystem::path trained = parent / "trained.safetensors",
                              calibrated = parent / "calibrated.safetensors";
  train_float(kResNet, trained);
  require_uncalibrated(trained);
  const ExperimentConfig config =
      small_experiment(with(kResNet, {"train.init_from=\"" + trained.string() + "\""}));
  const auto network = load_trained(config, data_format(config));
  save_calibrated(calibrated, *network, config.model.name, trained.string());
  const std::string message = calibrated.string() +
                              ": expected a network to calibrate, got one that quench quantize has "
                              "already calibrated: start from its original, " +
                              trained.string();
  CHECK_THROWS_WITH_AS(require_uncalibrated(calibrated), message.c_str(), std::invalid_argument);

  const Overrides start{"train.init_from=\"" + calibrated.string() + "\""};
  CHECK_THROWS_WITH_AS(Run(small_experiment(with(with(kResNet, start), {"calibration.batches=1"}))),
                       message.c_str(), std::invalid_argument);
  Run goes_on(small_experiment(with(kResNet, start)));  // training from it is allowed

  // Version 0.1 wrote a report into the folder and no note into the file.
  write_text(parent / "quantize.json", "{}");
  CHECK_THROWS_WITH_AS(require_uncalibrated(trained), doctest::Contains("quantize.json"),
                       std::invalid_argument);
}

TEST_CASE("training: [calibration] does not change a float network") {
  const Overrides none{"quant.method=none"};
  Run plain(small_experiment(with(kResNet, none)));
  Run calibrated(small_experiment(with(
      kResNet, {none[0], "calibration.equalize=true", "calibration.bias_correction=analytic"})));
  const auto before = plain.network().parameters(), after = calibrated.network().parameters();
  REQUIRE(before.size() == after.size());
  for (std::size_t i = 0; i < before.size(); ++i)
    CHECK(before[i].value.value().to_row_major() == after[i].value.value().to_row_major());
}

TEST_CASE("training: [calibration] equalizes before the first step") {
  Run run(small_experiment(with(kResNet, {"calibration.equalize=true"})));
  const auto layers = run.network().quantized_layers();
  REQUIRE(layers[1]->name() == "stack1.conv1");
  const Tensor inputs = ptq::input_ranges(*layers[2], layers[1]->weight().shape()[0]);
  const Tensor& weight = layers[1]->weight().value();
  for (std::int64_t c = 0; c < weight.dim(0); ++c)
    CHECK(max_abs(weight.slice(c, c + 1)) == doctest::Approx(inputs.data()[c]).epsilon(1e-3));
}

TEST_CASE("calibration: keys that need or exclude each other") {
  CHECK_THROWS_WITH_AS(
      small_experiment({"calibration.absorb_bias=true"}),
      doctest::Contains("calibration.absorb_bias: expected false without equalize"),
      std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      small_experiment({"calibration.equalize=true", "calibration.depthwise_rescale=true"}),
      doctest::Contains("calibration.depthwise_rescale: expected false with equalize"),
      std::invalid_argument);
  CHECK_THROWS_WITH_AS(small_experiment({"calibration.relu6=drop"}),
                       doctest::Contains("calibration.relu6: expected"), std::invalid_argument);
}

/// The state of a network that training at `lr` has left, from a calibrated one, and of one that was
/// calibrated alone.
bool training_changes(const std::string& method) {
  const TemporaryFolder folder;
  const auto file = folder / "float.safetensors";
  train_float(kResNet, file);
  const ExperimentConfig config = small_experiment(with(
      kResNet,
      {"quant={method=\"" + method + "\", bits=4}", "optimizer.lr=0", "train.bn_freeze_epoch=0",
       "calibration={batches=2, batch_size=32}", "train.init_from=\"" + file.string() + "\""}));
  const Data data = load_data(config);
  const auto calibrated = load_trained(config, data.train->format());
  quantize_after_training(config, *config.calibration, data, *calibrated);
  Run run(config);
  run.train(RunFolder::create_at(folder / "run"), [] { return false; });
  const TensorFile wanted = train::network_state(*calibrated, config.model.name);
  const TensorFile got = train::network_state(run.network(), config.model.name);
  bool changed = false;
  for (const auto& [name, tensor] : wanted.tensors) {
    // A range that training averages is no longer kept as the calibrated one.
    if (!got.tensors.contains(name)) return true;
    const Tensor& other = got.tensors.at(name);
    REQUIRE(other.bytes() == tensor.bytes());
    changed |= std::memcmp(tensor.bytes_begin(), other.bytes_begin(), tensor.bytes()) != 0;
  }
  return changed;
}

TEST_CASE("optimizer.lr = 0: training leaves what calibration chose, except averaged ranges") {
  for (const char* method : {"lsq", "tqt", "fat"}) {
    CAPTURE(method);
    CHECK_FALSE(training_changes(method));
  }
  for (const char* method : {"symmetric", "affine"}) {
    CAPTURE(method);
    CHECK(training_changes(method));
  }
}

}  // namespace
}  // namespace quench::experiments
