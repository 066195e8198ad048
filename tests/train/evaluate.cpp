#include "train/evaluate.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <stdexcept>

#include "datasets/images.h"
#include "layers/activation.h"
#include "layers/batch_norm.h"
#include "layers/composite.h"
#include "layers/conv2d.h"
#include "layers/shape_layers.h"

namespace quench::train {
namespace {

/// Ten images of one pixel with values 0, 7, ..., 63 and labels 0, 1, 2, 0, 1, ...
std::unique_ptr<datasets::Loader> loader(std::int64_t batch_size) {
  return std::make_unique<datasets::Loader>(datasets::counting_images(10, {1, 1, 1}, 3),
                                            datasets::Transform{.mean = {0.0f}, .std = {1.0f}},
                                            datasets::LoaderOptions{.batch_size = batch_size});
}

/// Logits (0, x - 20, 2 x - 80): class 0 up to 20, then 1 up to 60, then 2.
std::unique_ptr<layers::Sequential> classifier() {
  Random random(1, "test");
  auto network = std::make_unique<layers::Sequential>();
  network->append("conv",
                  std::make_shared<layers::Conv2d>(
                      layers::Conv2dOptions{
                          .in_channels = 1, .out_channels = 3, .kernel_size = {1, 1}, .bias = true},
                      random));
  network->append("flatten", std::make_shared<layers::Flatten>());
  auto parameters = network->parameters();
  parameters[0].value.mutable_value().copy_from(
      Tensor::from_row_major<float>({3, 1, 1, 1}, std::vector<float>{0, 1, 2}));
  parameters[1].value.mutable_value().copy_from(
      Tensor::from_row_major<float>({3}, std::vector<float>{0, -20, -80}));
  return network;
}

TEST_CASE("count_correct: rows whose largest logit is the label's") {
  const Tensor logits = Tensor::from_row_major<float>({3, 2}, std::vector<float>{1, 2, 5, 4, 0, 1});
  const auto labels = [](const std::vector<std::int32_t>& values) {
    return Tensor::from_row_major<std::int32_t>({static_cast<std::int64_t>(values.size())}, values);
  };
  CHECK(count_correct(logits, labels({1, 0, 0})) == 2);
  CHECK_THROWS_AS(count_correct(logits, labels({1, 0})), std::invalid_argument);
}

TEST_CASE("count_in_top: the label's rank among the logits; of equals, the first ranks higher") {
  const Tensor logits =
      Tensor::from_row_major({5, 3}, std::vector{1.0f, 3.0f, 2.0f, 1.0f, 3.0f, 2.0f, 1.0f, 3.0f,
                                                 2.0f, 5.0f, 5.0f, 5.0f, NAN, 1.0f, 2.0f});
  const auto labels = [](const std::vector<std::int32_t>& values) {
    return Tensor::from_row_major<std::int32_t>({static_cast<std::int64_t>(values.size())}, values);
  };
  const Tensor wanted = labels({1, 2, 0, 1, 0});
  CHECK(count_in_top(1, logits, wanted) == 1);
  CHECK(count_in_top(2, logits, wanted) == 3);
  CHECK(count_in_top(3, logits, wanted) == 4);  // NaN has no place
  CHECK_THROWS_AS(count_in_top(1, logits, labels({1, 0})), std::invalid_argument);
}

TEST_CASE("evaluate: counts every image once, whatever the batches; modes do not change") {
  const auto network = classifier();
  for (const std::int64_t batch_size : {1, 3, 10, 64}) {
    const Accuracy accuracy = evaluate(*network, *loader(batch_size), quant::Mode::evaluation);
    // Values 0 7 14 21 28 35 42 49 56 63 are classified 0 0 0 1 1 1 1 1 1 2; the labels are
    // 0 1 2 0 1 2 0 1 2 0.
    CHECK(accuracy.correct == 3);
    CHECK(accuracy.images == 10);
    CHECK(accuracy.top1() == doctest::Approx(30.0));
    CHECK(accuracy.class_images == std::vector<std::int64_t>{4, 3, 3});
    CHECK(accuracy.class_correct == std::vector<std::int64_t>{1, 2, 0});
    CHECK(accuracy.class_top1(1) == doctest::Approx(200.0 / 3.0));
    CHECK(accuracy.loss_sum == 0.0);  // not requested
  }
  CHECK(network->training());
  CHECK(network->quantized_layers()[0]->weight_quantizer().mode() == quant::Mode::training);
  CHECK(Accuracy{}.top1() == 0.0);
}

TEST_CASE("evaluate: the mean loss over images, whatever the batches; a class without any is NaN") {
  // Every image gets the logits 0, ln 2, ln 5: probabilities 1/8, 2/8 and 5/8.
  const auto constant = [](const Tensor& images) {
    Tensor logits(Shape{images.dim(0), 3});
    for (std::int64_t i = 0; i < logits.numel(); ++i)
      logits.data()[i] = std::log(std::array{1.0f, 2.0f, 5.0f}.at(static_cast<std::size_t>(i % 3)));
    return logits;
  };
  // The ten labels 0 1 2 0 ... hold four 0s, three 1s and three 2s.
  const double expected = (4 * std::log(8.0) + 3 * std::log(4.0) + 3 * std::log(1.6)) / 10;
  for (const std::int64_t batch_size : {1, 3, 64}) {
    const Accuracy accuracy = evaluate(constant, *loader(batch_size), layers::make_loss({}));
    CHECK(accuracy.loss() == doctest::Approx(expected).epsilon(1e-6));
  }
  CHECK(std::isnan(Accuracy{.class_correct = {0}, .class_images = {0}}.class_top1(0)));
}

struct Normalized {
  std::unique_ptr<layers::Sequential> network = std::make_unique<layers::Sequential>();
  std::shared_ptr<layers::BatchNorm> norm;
  Normalized() {
    network->append("dropout", std::make_shared<layers::Dropout>(0.5f, Random(1, "dropout")));
    norm = network->append(
        "bn", std::make_shared<layers::BatchNorm>(1, BatchNormParams{.momentum = 0.3f}));
  }
  float mean() { return norm->buffers()[0].value.item(); }
  float variance() { return norm->buffers()[1].value.item(); }
};

TEST_CASE(
    "reestimate_batch_norm: the plain average of the batches' statistics, without earlier ones") {
  Normalized n;
  Tensor old = n.norm->buffers()[0].value;
  old.copy_from(Tensor::full({1}, 1e6f));
  // Batches (0 7 14 21), (28 35 42 49): means 10.5 and 38.5, unbiased variance 7^2 * 5 / 3 twice.
  reestimate_batch_norm(*n.network, *loader(4), 2, quant::Mode::bypass);
  CHECK(n.mean() == doctest::Approx(24.5));
  CHECK(n.variance() == doctest::Approx(245.0 / 3.0));
  CHECK(n.norm->momentum() == 0.3f);
  CHECK(n.norm->training());

  // There are but three batches; the last, (56 63), has mean 59.5 and variance 24.5.
  reestimate_batch_norm(*n.network, *loader(4), 100, quant::Mode::bypass);
  CHECK(n.mean() == doctest::Approx((10.5 + 38.5 + 59.5) / 3));
  CHECK(n.variance() == doctest::Approx((245.0 / 3.0 * 2 + 24.5) / 3));

  const float mean = n.mean();
  reestimate_batch_norm(*n.network, *loader(4), 0, quant::Mode::bypass);
  CHECK(n.mean() == mean);
  CHECK(*n.network->buffers()[0].value.data<double>() == 0.0);  // no dropout mask was drawn
}

TEST_CASE("reestimate_batch_norm: momentum and modes are restored when a batch fails") {
  Normalized n;
  // A single value per channel has no variance.
  CHECK_THROWS_AS(reestimate_batch_norm(*n.network, *loader(1), 2, quant::Mode::bypass),
                  std::invalid_argument);
  CHECK(n.norm->momentum() == 0.3f);
  CHECK(n.network->training());
}

TEST_CASE("BufferGuard: restores statistics and positions") {
  Normalized n;
  {
    const BufferGuard guard(*n.network);
    (*n.network)(Variable(Tensor::full({2, 1}, 5.0f)));
    CHECK(n.mean() != 0.0f);
    CHECK(*n.network->buffers()[0].value.data<double>() > 0.0);
  }
  CHECK(n.mean() == 0.0f);
  CHECK(n.variance() == 1.0f);
  CHECK(*n.network->buffers()[0].value.data<double>() == 0.0);
}

}  // namespace
}  // namespace quench::train
