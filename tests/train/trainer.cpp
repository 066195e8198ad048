#include "train/trainer.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <numbers>
#include <vector>

#include "datasets/dataset.h"
#include "layers/activation.h"
#include "layers/attach_quantizers.h"
#include "layers/batch_norm.h"
#include "layers/composite.h"
#include "layers/linear.h"
#include "layers/shape_layers.h"
#include "train/evaluate.h"
#include "train/network_state.h"

namespace quench::train {
namespace {

constexpr std::int64_t kPixels = 4, kClasses = 3;
constexpr float kMean = 128.0f, kStd = 64.0f;

/// Images of 2x2 pixels, drawn at random, with labels 0, 1, 2, 0, 1, ...
datasets::ImageList drawn_images(std::int64_t count) {
  datasets::ImageList images{
      .shape = {1, 2, 2}, .class_names = {"a", "b", "c"}, .pixels = {}, .labels = {}};
  Random random(5, "test");
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t k = 0; k < kPixels; ++k)
      images.pixels.push_back(static_cast<std::uint8_t>(random.below(256)));
    images.labels.push_back(static_cast<std::uint8_t>(i % kClasses));
  }
  return images;
}

datasets::Loader loader_of(const datasets::ImageList& images, std::int64_t batch_size,
                           bool shuffle = false) {
  return {datasets::memory_dataset(images),
          datasets::Transform{.mean = {kMean}, .std = {kStd}},
          {.batch_size = batch_size, .shuffle = shuffle, .drop_last = true}};
}

/// One linear layer, without a bias.
struct LinearClassifier final : layers::Sequential {
  LinearClassifier() {
    Random random(2, "test");
    append("flatten", std::make_shared<layers::Flatten>());
    append("fc",
           std::make_shared<layers::Linear>(
               layers::LinearOptions{.in_features = kPixels, .out_features = kClasses}, random));
  }
  Tensor weight() { return parameters()[0].value.value(); }
};

/// Softmax regression of one batch, in double: mean loss, its gradient, and the number of correct images.
struct Regression {
  double loss = 0.0;
  std::int64_t correct = 0;
  std::array<double, kClasses * kPixels> gradient{};

  Regression(const datasets::ImageList& images, const std::vector<float>& weight) {
    const std::size_t count = images.labels.size();
    for (std::size_t i = 0; i < count; ++i) {
      std::array<double, kPixels> x{};
      for (std::size_t k = 0; k < x.size(); ++k)
        x[k] = (static_cast<double>(images.pixels[i * kPixels + k]) - kMean) / kStd;
      std::array<double, kClasses> p{};
      double sum = 0.0;
      for (std::size_t c = 0; c < p.size(); ++c) {
        for (std::size_t k = 0; k < x.size(); ++k) p[c] += x[k] * weight[c * kPixels + k];
        sum += p[c] = std::exp(p[c]);
      }
      for (double& value : p) value /= sum;
      const std::size_t label = images.labels[i];
      loss -= std::log(p[label]) / static_cast<double>(count);
      correct += std::ranges::max_element(p) - p.begin() == static_cast<std::ptrdiff_t>(label);
      for (std::size_t c = 0; c < p.size(); ++c) {
        const double difference = p[c] - (c == label ? 1.0 : 0.0);
        for (std::size_t k = 0; k < x.size(); ++k)
          gradient[c * kPixels + k] += difference * x[k] / static_cast<double>(count);
      }
    }
  }
};

TEST_CASE("trainer: one step of SGD on a linear layer matches softmax regression") {
  const datasets::ImageList images = drawn_images(7);
  datasets::Loader loader = loader_of(images, 7);
  LinearClassifier network;
  const std::vector<float> before = network.weight().to_row_major();
  const Regression expected(images, before);

  Trainer trainer(network, loader,
                  {.epochs = 1, .optimizer = {.name = "sgd", .lr = 0.5, .momentum = 0.0}});
  const auto epoch = trainer.train_epoch();
  REQUIRE(epoch);
  CHECK(epoch->epoch == 1);
  CHECK(epoch->loss == doctest::Approx(expected.loss).epsilon(1e-6));
  CHECK(epoch->train_top1 == 100.0 * static_cast<double>(expected.correct) / 7.0);
  CHECK(epoch->lr == 0.5);
  const std::vector<float> after = network.weight().to_row_major();
  for (std::size_t i = 0; i < after.size(); ++i)
    CHECK(after[i] == doctest::Approx(before[i] - 0.5 * expected.gradient[i]).epsilon(1e-5));
  CHECK(trainer.done());
  CHECK_FALSE(trainer.train_epoch());
}

TEST_CASE("trainer: each epoch has its steps, and the rates of the schedule") {
  datasets::Loader loader = loader_of(drawn_images(12), 4);
  LinearClassifier network;
  Trainer trainer(network, loader,
                  {.epochs = 2,
                   .max_steps_per_epoch = 2,
                   .optimizer = {.name = "sgd", .lr = 0.25},
                   .schedule = {.name = "cosine"}});
  CHECK(trainer.steps_per_epoch() == 2);
  const auto cosine = [](double part) {
    return 0.25 * 0.5 * (1.0 + std::cos(std::numbers::pi * part));
  };
  for (const std::int64_t number : {1, 2}) {
    const auto epoch = trainer.train_epoch();
    REQUIRE(epoch);
    CHECK(epoch->epoch == number);
    CHECK(trainer.progress().step == 2 * number);
    const auto last_step = static_cast<double>(2 * number - 1);
    CHECK(epoch->lr == doctest::Approx(cosine(last_step / 4.0)).epsilon(1e-6));
  }
}

TEST_CASE("trainer: another loss replaces that of the labels") {
  const datasets::ImageList images = drawn_images(6);
  datasets::Loader loader = loader_of(images, 6);
  LinearClassifier network;
  const Tensor weight = network.weight().clone();
  // The root of the logits' squared distance from 0, averaged over the images.
  double square = 0.0;
  for (std::size_t i = 0; i < 6; ++i) {
    for (std::size_t c = 0; c < kClasses; ++c) {
      double logit = 0.0;
      for (std::size_t k = 0; k < kPixels; ++k)
        logit += (static_cast<double>(images.pixels[i * kPixels + k]) - kMean) / kStd *
                 weight.data()[c * kPixels + k];
      square += logit * logit;
    }
  }
  const double expected = std::sqrt(square / 6.0);
  const auto distance = layers::make_distillation_loss({.name = "rmse"});
  Trainer trainer(network, loader, {.epochs = 20, .optimizer = {.lr = 0.01}},
                  [&](const Variable& logits, const datasets::Batch&) {
                    return distance(logits, Tensor::zeros(logits.shape()));
                  });
  const double first = trainer.train_epoch()->loss;
  CHECK(first == doctest::Approx(expected).epsilon(1e-5));
  double last = first;
  while (const auto epoch = trainer.train_epoch()) last = epoch->loss;
  CHECK(last < 0.9 * first);
}

/// Two layers with a batch norm, on the grids of alpha-blending, whose state moves with the steps.
std::unique_ptr<layers::Sequential> quantized_network() {
  Random random(3, "test");
  auto network = std::make_unique<layers::Sequential>();
  network->append("flatten", std::make_shared<layers::Flatten>());
  network->append("hidden",
                  std::make_shared<layers::Linear>(
                      layers::LinearOptions{.in_features = kPixels, .out_features = 8}, random));
  network->append("norm", std::make_shared<layers::BatchNorm>(8, BatchNormParams{}));
  network->append("relu", std::make_shared<layers::ActivationLayer>(Activation::relu));
  network->append("fc",
                  std::make_shared<layers::Linear>(
                      layers::LinearOptions{.in_features = 8, .out_features = kClasses}, random));
  layers::attach_quantizers(
      *network, quant::Policy(Settings::from({{"method", "ab"}, {"bits", std::int64_t{4}}})));
  return network;
}

const TrainerOptions kThreeEpochs{.epochs = 3,
                                  .schedule = {.name = "cosine_restarts", .restart_steps = 5}};

/// The state of quantized_network() after three epochs; with `stop`, by a second network and trainer from
/// that step on.
TensorFile trained_state(std::int64_t stop) {
  const datasets::ImageList images = drawn_images(24);
  datasets::Loader loader = loader_of(images, 6, true);
  auto network = quantized_network();
  auto trainer = std::make_unique<Trainer>(*network, loader, kThreeEpochs);
  while (trainer->train_epoch([&] { return trainer->progress().step != stop; })) {
  }
  if (trainer->done()) return network_state(*network, "test");

  const TensorFile state = network_state(*network, "test");
  const auto optimizer_state = trainer->optimizer().state();
  const Progress progress = trainer->progress();
  auto second = quantized_network();
  datasets::Loader second_loader = loader_of(images, 6, true);
  Trainer goes_on(*second, second_loader, kThreeEpochs);
  load_network(*second, "test", state, "state");
  goes_on.optimizer().load_state(optimizer_state);
  goes_on.set_progress(progress);
  while (goes_on.train_epoch()) {
  }
  return network_state(*second, "test");
}

TEST_CASE("trainer: stops after any step, and resumes with the same bits") {
  const TensorFile whole = trained_state(-1);
  for (const std::int64_t stop : {1, 4, 6, 11}) {  // 4: the last step of the first epoch
    CAPTURE(stop);
    const TensorFile parts = trained_state(stop);
    REQUIRE(parts.tensors.size() == whole.tensors.size());
    for (const auto& [name, tensor] : whole.tensors) {
      CAPTURE(name);
      const Tensor& other = parts.tensors.at(name);
      REQUIRE(other.bytes() == tensor.bytes());
      CHECK(std::memcmp(other.bytes_begin(), tensor.bytes_begin(), tensor.bytes()) == 0);
    }
  }
}

TEST_CASE("trainer: frozen batch norms do not change their running statistics") {
  datasets::Loader loader = loader_of(drawn_images(24), 6);
  const auto network = quantized_network();
  Trainer trainer(*network, loader, {.epochs = 2, .bn_freeze_epoch = 1});
  const Tensor mean = layers::batch_norms(*network)[0]->running_mean();
  trainer.train_epoch();
  const std::vector<float> frozen = mean.to_row_major();
  CHECK(frozen != std::vector<float>(8, 0.0f));
  trainer.train_epoch();
  CHECK(mean.to_row_major() == frozen);
}

TEST_CASE("trainer: non-finite values end the training, and are named") {
  datasets::Loader loader = loader_of(drawn_images(8), 4);
  LinearClassifier network;
  Trainer trainer(network, loader, {.epochs = 2, .optimizer = {.name = "sgd"}});
  const auto poison = [&network] {
    network.weight().data()[1] = NAN;
    network.weight().bump_version();
    return true;
  };
  CHECK_THROWS_WITH_AS(
      trainer.train_epoch(poison),
      "epoch 1, step 2: the loss is NaN; fc is the first layer whose output contains "
      "NaN or infinity; a smaller optimizer.lr may help",
      TrainingError);
  CHECK_THROWS_WITH_AS(
      trainer.require_finite(),
      "epoch 1, step 1: fc.weight contains nan at [0, 1]; a smaller optimizer.lr may help",
      TrainingError);
}

TEST_CASE("trainer: options out of range are rejected") {
  datasets::Loader loader = loader_of(drawn_images(8), 4);
  LinearClassifier network;
  CHECK_THROWS_WITH_AS(Trainer(network, loader, {.epochs = 0}),
                       "schedule: expected > 0 epochs, got 0", std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      Trainer(network, loader, {.epochs = 1, .schedule = {.warmup_epochs = 1.0}}),
      "schedule.warmup_epochs: expected >= 0 and less than the 1 epochs of the training, got 1",
      std::invalid_argument);
  CHECK_THROWS_AS(Trainer(network, loader, {.optimizer = {.train = {"quantizer"}}}),
                  std::invalid_argument);
}

}  // namespace
}  // namespace quench::train
