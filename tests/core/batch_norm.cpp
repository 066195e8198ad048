#include "core/ops/batch_norm.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "core/parallel.h"
#include "core/random.h"
#include "thread_ranks.h"

using namespace quench;

namespace {

Tensor random_tensor(Shape shape, std::uint64_t seed, float mean = 0.0f, float deviation = 1.0f) {
  Tensor out(shape);
  Random random(seed, "test");
  for (float& value : out.span()) value = mean + deviation * random.normal();
  return out;
}

double clamp(double x, Activation activation) {
  const double low = activation == Activation::hardtanh ? -1.0 : 0.0;
  const double high = activation == Activation::hardtanh ? 1.0 : 6.0;
  if (activation == Activation::none) return x;
  if (activation == Activation::relu) return std::max(x, 0.0);
  return std::min(std::max(x, low), high);
}

/// The definition in double, one channel at a time.
struct Reference {
  std::vector<double> output, mean, variance, unbiased;
};
Reference reference(const Tensor& x, const Tensor& gain, const Tensor& bias, double eps,
                    Activation activation) {
  const std::int64_t channels = x.dim(1), rows = x.numel() / channels;
  Reference out;
  out.output.resize(static_cast<std::size_t>(x.numel()));
  for (std::int64_t c = 0; c < channels; ++c) {
    double mean = 0.0, squares = 0.0;
    for (std::int64_t r = 0; r < rows; ++r) mean += x.data()[r * channels + c];
    mean /= static_cast<double>(rows);
    for (std::int64_t r = 0; r < rows; ++r)
      squares += std::pow(x.data()[r * channels + c] - mean, 2);
    out.mean.push_back(mean);
    out.variance.push_back(squares / static_cast<double>(rows));
    out.unbiased.push_back(squares / static_cast<double>(rows - 1));
    const double g = gain.defined() ? gain.data()[c] : 1.0,
                 b = bias.defined() ? bias.data()[c] : 0.0;
    for (std::int64_t r = 0; r < rows; ++r) {
      const double hat = (x.data()[r * channels + c] - mean) / std::sqrt(out.variance.back() + eps);
      out.output[static_cast<std::size_t>(r * channels + c)] = clamp(hat * g + b, activation);
    }
  }
  return out;
}

double largest_difference(const Tensor& actual, const std::vector<double>& expected) {
  REQUIRE(static_cast<std::size_t>(actual.numel()) == expected.size());
  double worst = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double difference =
        std::abs(actual.span()[i] - expected[i]) / (1.0 + std::abs(expected[i]));
    if (!(difference <= worst)) worst = difference;
  }
  return worst;
}

std::vector<double> doubles(const Tensor& x) { return {x.span().begin(), x.span().end()}; }

}  // namespace

TEST_CASE("batch_norm_train: agrees with the definition in double for all shapes and activations") {
  for (const Shape& shape : {Shape{2, 1}, Shape{37, 10}, Shape{3, 3, 5, 7}, Shape{4, 16, 9, 9},
                             Shape{2, 300, 3, 3}, Shape{8, 24, 40, 40}}) {
    for (const Activation activation :
         {Activation::none, Activation::relu, Activation::relu6, Activation::hardtanh}) {
      CAPTURE(shape.to_string());
      CAPTURE(to_string(activation));
      const std::int64_t channels = shape[1];
      const Tensor x = random_tensor(shape, 1, 2.0f, 3.0f);
      const Tensor gain = random_tensor({channels}, 2), bias = random_tensor({channels}, 3);
      Tensor running_mean = Tensor::full({channels}, 5.0f),
             running_var = Tensor::full({channels}, 7.0f);
      const BatchNormParams params{.eps = 1e-3f, .momentum = 0.25f, .activation = activation};
      const BatchNormResult result =
          batch_norm_train(x, gain, bias, running_mean, running_var, params);

      const Reference expected = reference(x, gain, bias, 1e-3f, activation);
      CHECK(largest_difference(result.output, expected.output) < 2e-6);
      CHECK(largest_difference(result.statistics.mean, expected.mean) < 1e-6);
      std::vector<double> new_mean, new_var;
      for (std::size_t c = 0; c < expected.mean.size(); ++c) {
        new_mean.push_back(0.75 * 5.0 + 0.25 * expected.mean[c]);
        new_var.push_back(0.75 * 7.0 + 0.25 * expected.unbiased[c]);
      }
      CHECK(largest_difference(running_mean, new_mean) < 1e-6);
      CHECK(largest_difference(running_var, new_var) < 1e-6);
    }
  }
}

TEST_CASE("batch_norm_train: a mean far above the deviation loses no precision") {
  const Tensor x = random_tensor({16, 8, 30, 30}, 4, 4000.0f, 0.5f);
  Tensor running_mean = Tensor::zeros({8}), running_var = Tensor::zeros({8});
  const BatchNormParams params{.momentum = 1.0f};
  const BatchNormResult result = batch_norm_train(x, {}, {}, running_mean, running_var, params);
  const Reference expected = reference(x, {}, {}, 1e-5f, Activation::none);
  CHECK(largest_difference(running_var, expected.unbiased) < 1e-5);
  // The mean itself, rounded to float32, is off by up to 1.2e-4 here, 2.4e-4 of the deviation.
  CHECK(largest_difference(result.output, expected.output) < 3e-4);
}

TEST_CASE("batch_norm_train: a constant channel has variance exactly 0 and becomes the bias") {
  const Tensor x = Tensor::full({4, 2, 5, 5}, 1234.567f);
  const Tensor bias = Tensor::full({2}, 0.5f);
  Tensor running_mean = Tensor::zeros({2}), running_var = Tensor::full({2}, 9.0f);
  const Tensor y =
      batch_norm_train(x, {}, bias, running_mean, running_var, {.momentum = 1.0f}).output;
  for (const float value : y.span()) CHECK(value == 0.5f);
  CHECK(running_var.data()[0] == 0.0f);
  CHECK(running_mean.data()[0] == 1234.567f);
}

TEST_CASE("batch_norm_train: weights 1/(k+1) make the running statistics plain averages") {
  Tensor running_mean = Tensor::full({3}, std::numeric_limits<float>::quiet_NaN());
  Tensor running_var = running_mean.clone();
  const std::uint64_t version = running_mean.version();
  std::vector<double> mean(3), var(3);
  for (int k = 0; k < 4; ++k) {
    const Tensor x = random_tensor({20, 3}, static_cast<std::uint64_t>(10 + k));
    batch_norm_train(x, {}, {}, running_mean, running_var,
                     {.momentum = 1.0f / static_cast<float>(k + 1)});
    const Reference expected = reference(x, {}, {}, 1e-5, Activation::none);
    for (std::size_t c = 0; c < 3; ++c) {
      mean[c] += expected.mean[c] / 4.0;
      var[c] += expected.unbiased[c] / 4.0;
    }
  }
  CHECK(largest_difference(running_mean, mean) < 1e-6);
  CHECK(largest_difference(running_var, var) < 1e-6);
  CHECK(running_mean.version() == version + 4);
}

TEST_CASE("batch_norm_train: the extent that it knows is that of its output") {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const Activation activation :
       {Activation::none, Activation::relu, Activation::relu6, Activation::hardtanh}) {
    for (const Shape& shape : {Shape{300, 5}, Shape{4, 3, 17, 19}, Shape{2, 600, 3, 3}}) {
      CAPTURE(shape.to_string());
      const Tensor x = random_tensor(shape, 3, 2.0f, 3.0f);
      // Negative gains turn a channel's order around.
      const Tensor gain = random_tensor({shape[1]}, 4), bias = random_tensor({shape[1]}, 5);
      Tensor mean = Tensor::zeros({shape[1]}), var = Tensor::full({shape[1]}, 1.0f);
      const Tensor output =
          batch_norm_train(x, gain, bias, mean, var, {.activation = activation}).output;
      const auto extent = output.known_extent();
      REQUIRE(extent.has_value());
      const auto [least, largest] = std::ranges::minmax(output.span());
      CHECK(extent->least == least);
      CHECK(extent->largest == largest);
    }
  }
  for (const float odd : {std::numeric_limits<float>::quiet_NaN(), kInfinity, -kInfinity}) {
    Tensor x = random_tensor({50, 3}, 6);
    x.data()[31] = odd;
    Tensor mean = Tensor::zeros({3}), var = Tensor::full({3}, 1.0f);
    CHECK_FALSE(batch_norm_train(x, {}, {}, mean, var, {.activation = Activation::hardtanh})
                    .output.known_extent()
                    .has_value());
  }
}

TEST_CASE("batch_norm_train: the same bits with any number of threads") {
  const Tensor x = random_tensor({16, 20, 33, 31}, 5, 1.0f);
  const Tensor g = random_tensor({16, 20, 33, 31}, 6);
  const int threads = num_threads();
  std::vector<float> first;
  for (const int count : {1, 2, 3}) {
    set_num_threads(count);
    Tensor running_mean = Tensor::zeros({20}), running_var = Tensor::zeros({20});
    const BatchNormResult result = batch_norm_train(x, {}, {}, running_mean, running_var, {});
    const BatchNormGradients grads =
        batch_norm_train_backward(g, {x, {}, {}, result.statistics, Activation::none});
    std::vector<float> all = result.output.to_row_major();
    for (const Tensor& t : {running_mean, running_var, grads.x, grads.gain, grads.bias}) {
      const std::vector<float> values = t.to_row_major();
      all.insert(all.end(), values.begin(), values.end());
    }
    if (first.empty()) first = all;
    CHECK(all == first);
  }
  set_num_threads(threads);
}

TEST_CASE("batch_norm_infer: y = scale * x + shift with the folded running statistics") {
  const Tensor x = random_tensor({3, 5, 4, 6}, 7, 0.0f, 3.0f);
  const Tensor gain = random_tensor({5}, 8), bias = random_tensor({5}, 9);
  const Tensor mean = random_tensor({5}, 10);
  const Tensor var = Tensor::from_row_major<float>({5}, {0.25f, 1.0f, 2.0f, 4.0f, 0.01f});
  const BatchNormParams params{.eps = 1e-3f, .activation = Activation::relu6};
  std::vector<double> expected;
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const std::int64_t c = i % 5;
    const double hat = (static_cast<double>(x.data()[i]) - mean.data()[c]) /
                       std::sqrt(static_cast<double>(var.data()[c]) + 1e-3f);
    expected.push_back(clamp(hat * gain.data()[c] + bias.data()[c], Activation::relu6));
  }
  CHECK(largest_difference(batch_norm_infer(x, gain, bias, mean, var, params), expected) < 2e-6);
}

TEST_CASE("batch_norm: a NaN spoils its channel and no other") {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const Activation activation : {Activation::none, Activation::relu, Activation::hardtanh}) {
    Tensor x = random_tensor({4, 6, 5, 5}, 11);
    x.data()[6 * 50 + 2] = kNan;  // channel 2
    Tensor running_mean = Tensor::zeros({6}), running_var = Tensor::full({6}, 1.0f);
    const BatchNormParams params{.activation = activation};
    const Tensor infer = batch_norm_infer(x, {}, {}, running_mean, running_var, params);
    CHECK(std::isnan(infer.data()[6 * 50 + 2]));
    CHECK_FALSE(std::isnan(infer.data()[2]));
    const BatchNormResult result = batch_norm_train(x, {}, {}, running_mean, running_var, params);
    const BatchNormGradients grads = batch_norm_train_backward(
        Tensor::full(x.shape(), 1.0f), {x, {}, {}, result.statistics, activation});
    for (std::int64_t i = 0; i < x.numel(); ++i) {
      CHECK(std::isnan(result.output.data()[i]) == (i % 6 == 2));
      CHECK(std::isnan(grads.x.data()[i]) == (i % 6 == 2));
    }
    for (std::int64_t c = 0; c < 6; ++c) {
      CHECK(std::isnan(running_mean.data()[c]) == (c == 2));
      CHECK(std::isnan(running_var.data()[c]) == (c == 2));
      CHECK(std::isnan(grads.gain.data()[c]) == (c == 2));
    }
  }
}

TEST_CASE("batch_norm: messages name the invalid value") {
  Tensor mean = Tensor::zeros({3}), var = Tensor::zeros({3});
  const Tensor one = Tensor::zeros({1, 3});
  CHECK_THROWS_WITH_AS(
      batch_norm_train(one, {}, {}, mean, var, {}),
      "batch_norm: expected more than one value per channel in training, got 1 (input [1, 3])",
      std::invalid_argument);
  CHECK_NOTHROW(batch_norm_infer(one, {}, {}, mean, var, {}));
  CHECK_THROWS_WITH_AS(
      batch_norm_infer(Tensor::zeros({2, 3}), Tensor::zeros({4}), {}, mean, var, {}),
      "batch_norm: expected gain of shape [3] for input [2, 3], got [4]", std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      batch_norm_train(Tensor::zeros({2, 3}), {}, {}, mean, var, {.momentum = 1.5f}),
      "batch_norm: expected momentum in [0, 1], got 1.5", std::invalid_argument);
  CHECK_THROWS_AS(batch_norm_infer(Tensor::zeros({3}), {}, {}, mean, var, {}),
                  std::invalid_argument);
}

TEST_CASE("batch_norm: synchronized, ranks normalise as one process with the images of all") {
  constexpr int kRanks = 3;
  constexpr std::int64_t kImages = 4, kChannels = 5;
  const Tensor x = random_tensor({kRanks * kImages, kChannels, 3, 2}, 1, 7.0f, 0.5f);
  const Tensor upstream = random_tensor(x.shape(), 2);
  const Tensor gain = random_tensor({kChannels}, 3), bias = random_tensor({kChannels}, 4);
  const BatchNormParams params{.activation = Activation::relu, .synchronized = true};

  struct Pass {
    Tensor output, mean, var;
    BatchNormGradients gradients;
  };
  const auto pass = [&](const Tensor& images, const Tensor& grad) {
    Pass result{{}, Tensor::zeros({kChannels}), Tensor::full({kChannels}, 1.0f), {}};
    BatchNormResult forward = batch_norm_train(images, gain, bias, result.mean, result.var, params);
    result.output = forward.output;
    result.gradients = batch_norm_train_backward(
        grad, {images, gain, bias, forward.statistics, params.activation});
    return result;
  };
  const Pass whole = pass(x, upstream);
  std::array<Pass, kRanks> parts;
  ThreadRanks(kRanks).run([&](int rank) {
    const std::int64_t first = rank * kImages;
    parts[static_cast<std::size_t>(rank)] =
        pass(x.slice(first, first + kImages), upstream.slice(first, first + kImages));
  });

  Tensor gain_sum = Tensor::zeros({kChannels}), bias_sum = Tensor::zeros({kChannels});
  for (int rank = 0; rank < kRanks; ++rank) {
    const Pass& part = parts[static_cast<std::size_t>(rank)];
    const std::int64_t first = rank * kImages;
    const auto part_of = [&](const Tensor& all) {
      return doubles(all.slice(first, first + kImages));
    };
    CHECK(largest_difference(part.output, part_of(whole.output)) < 1e-6);
    CHECK(largest_difference(part.gradients.x, part_of(whole.gradients.x)) < 1e-6);
    CHECK(largest_difference(part.mean, doubles(whole.mean)) < 1e-7);
    CHECK(largest_difference(part.var, doubles(whole.var)) < 1e-7);
    for (std::int64_t c = 0; c < kChannels; ++c) {
      gain_sum.data()[c] += part.gradients.gain.data()[c];
      bias_sum.data()[c] += part.gradients.bias.data()[c];
    }
  }
  CHECK(largest_difference(gain_sum, doubles(whole.gradients.gain)) < 1e-5);
  CHECK(largest_difference(bias_sum, doubles(whole.gradients.bias)) < 1e-5);
}
