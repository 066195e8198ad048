#include "datasets/synthetic.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include "core/parallel.h"
#include "datasets/images.h"

using namespace quench::datasets;

namespace {

constexpr std::size_t kPixels = 3072;
constexpr std::size_t kClasses = 10;

std::vector<std::uint8_t> all_pixels(const Dataset& dataset) {
  std::vector<std::uint8_t> all;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    const std::vector<std::uint8_t> pixels = read_pixels(dataset, i);
    all.insert(all.end(), pixels.begin(), pixels.end());
  }
  return all;
}

/// Softmax regression on the pixels, by plain stochastic gradient descent.
class LinearClassifier {
 public:
  void train(const Dataset& dataset, int epochs) {
    for (int epoch = 0; epoch < epochs; ++epoch) {
      for (std::int64_t i = 0; i < dataset.size(); ++i) train_on(dataset, i);
    }
  }

  double accuracy(const Dataset& dataset) {
    std::int64_t right = 0;
    for (std::int64_t i = 0; i < dataset.size(); ++i) {
      const int label = load(dataset, i);
      const std::array<float, kClasses> logits = forward();
      right += std::max_element(logits.begin(), logits.end()) - logits.begin() == label ? 1 : 0;
    }
    return static_cast<double>(right) / static_cast<double>(dataset.size());
  }

 private:
  int load(const Dataset& dataset, std::int64_t index) {
    const int label = dataset.read(index, bytes_);
    for (std::size_t p = 0; p < kPixels; ++p) {
      input_[p] = (static_cast<float>(bytes_[p]) - 127.5f) / 127.5f;
    }
    input_[kPixels] = 1.0f;  // the bias
    return label;
  }

  std::array<float, kClasses> forward() const {
    std::array<float, kClasses> logits{};
    for (std::size_t p = 0; p <= kPixels; ++p) {
      for (std::size_t k = 0; k < kClasses; ++k) logits[k] += weight_[p * kClasses + k] * input_[p];
    }
    return logits;
  }

  void train_on(const Dataset& dataset, std::int64_t index) {
    constexpr float kRate = 3e-4f;
    const auto label = static_cast<std::size_t>(load(dataset, index));
    std::array<float, kClasses> step = forward();
    const float largest = *std::max_element(step.begin(), step.end());
    float sum = 0.0f;
    for (float& value : step) sum += value = std::exp(value - largest);
    for (float& value : step) value *= -kRate / sum;
    step[label] += kRate;
    for (std::size_t p = 0; p <= kPixels; ++p) {
      for (std::size_t k = 0; k < kClasses; ++k) weight_[p * kClasses + k] += step[k] * input_[p];
    }
  }

  std::vector<std::uint8_t> bytes_ = std::vector<std::uint8_t>(kPixels);
  std::vector<float> input_ = std::vector<float>(kPixels + 1);
  std::vector<float> weight_ = std::vector<float>((kPixels + 1) * kClasses);
};

}  // namespace

TEST_CASE("synthetic: classes are balanced and named") {
  const DatasetPair pair = make_synthetic(1, 200, 100);
  CHECK(pair.train->image_shape() == ImageShape{.channels = 3, .height = 32, .width = 32});
  CHECK(pair.train->class_names().size() == kClasses);
  for (const auto& set : {pair.train, pair.test}) {
    std::array<std::int64_t, kClasses> count{};
    std::vector<std::uint8_t> pixels(kPixels);
    for (std::int64_t i = 0; i < set->size(); ++i) {
      ++count[static_cast<std::size_t>(set->read(i, pixels))];
    }
    for (const std::int64_t images : count) CHECK(images == set->size() / 10);
  }
}

TEST_CASE("synthetic: an image depends on seed, split and index alone") {
  const DatasetPair small = make_synthetic(1, 100, 100);
  const DatasetPair large = make_synthetic(1, 300, 100);
  CHECK(all_pixels(*small.train) == all_pixels(*subset_range(large.train, 0, 100)));
  CHECK(all_pixels(*small.test) == all_pixels(*large.test));
  CHECK(all_pixels(*small.train) != all_pixels(*small.test));
  CHECK(all_pixels(*small.train) != all_pixels(*make_synthetic(2, 100, 1).train));
}

TEST_CASE("synthetic: the number of threads changes no pixel") {
  const int threads = quench::num_threads();
  quench::set_num_threads(1);
  const std::vector<std::uint8_t> one = all_pixels(*make_synthetic(1, 300, 1).train);
  quench::set_num_threads(3);
  const std::vector<std::uint8_t> three = all_pixels(*make_synthetic(1, 300, 1).train);
  quench::set_num_threads(threads);
  CHECK(one == three);
}

TEST_CASE("synthetic: every class has the same grey as its mean, and every image has contrast") {
  const auto train = make_synthetic(1, 2000, 1).train;
  std::array<double, kClasses> sum{};
  for (std::int64_t i = 0; i < train->size(); ++i) {
    double total = 0.0;
    double squares = 0.0;
    for (const std::uint8_t pixel : read_pixels(*train, i)) {
      total += pixel;
      squares += static_cast<double>(pixel) * pixel;
    }
    const double mean = total / kPixels;
    CHECK(std::sqrt(squares / kPixels - mean * mean) > 10.0);
    sum[static_cast<std::size_t>(i) % kClasses] += mean;
  }
  // An image's mean has a standard deviation below 50, the mean of 200 images one below 3.6.
  for (const double total : sum) CHECK(std::abs(total / 200.0 - 127.5) < 4 * 3.6);
}

TEST_CASE("synthetic: a linear classifier fails") {
  const DatasetPair pair = make_synthetic(1, 3000, 1000);
  LinearClassifier classifier;
  classifier.train(*pair.train, 6);
  const double train = classifier.accuracy(*pair.train);
  const double test = classifier.accuracy(*pair.test);
  MESSAGE("linear classifier: ", train, " on its training images, ", test, " on others");
  CHECK(train > 0.3);  // it did learn, by heart
  CHECK(test < 0.35);
}

TEST_CASE("synthetic: a size out of range is named") {
  CHECK_THROWS_WITH_AS(make_synthetic(1, 0, 10), "synthetic: expected 1 to 1000000 images, got 0",
                       std::invalid_argument);
}
