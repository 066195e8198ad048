#include "experiments/report/confusion.h"

#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>

#include "datasets/images.h"
#include "layers/module.h"
#include "layers/shape_layers.h"

using namespace quench;
using namespace quench::experiments::report;

namespace {

/// Classifies an image of one pixel by its value, with the confidence of `logit`.
class Lookup final : public layers::Module {
 public:
  explicit Lookup(std::vector<int> predictions) : predictions_(std::move(predictions)) {}

 protected:
  Variable forward(const Variable& input) override {
    Tensor logits = Tensor::zeros({input.shape()[0], 3});
    for (std::int64_t i = 0; i < input.shape()[0]; ++i) {
      const auto image = static_cast<std::size_t>(std::lround(input.value().data()[i] / 7.0f));
      logits.data()[i * 3 + predictions_.at(image)] = static_cast<float>(image);
    }
    return Variable(logits);
  }

 private:
  std::vector<int> predictions_;
};

/// Images 0 to 9 of one pixel 0, 7, ..., with labels 0, 1, 2, 0, ....
datasets::Loader ten_images() {
  return {datasets::counting_images(10, {1, 1, 1}, 3),
          datasets::Transform{.mean = {0.0f}, .std = {1.0f}},
          datasets::LoaderOptions{.batch_size = 4}};
}

}  // namespace

TEST_CASE("confusion matrix: counts, sums and the most confused pairs") {
  ConfusionMatrix matrix(3);
  for (int i = 0; i < 4; ++i) matrix.add(0, 0);
  matrix.add(0, 2);
  matrix.add(1, 2);
  matrix.add(1, 2);
  matrix.add(2, 1);
  CHECK(matrix.count(0, 0) == 4);
  CHECK(matrix.count(1, 1) == 0);
  CHECK(matrix.images(0) == 5);
  CHECK(matrix.images() == 8);
  CHECK(matrix.correct() == 4);
  using Confused = ConfusionMatrix::Confused;
  CHECK(matrix.most_confused(2) == std::vector<Confused>{{1, 2, 2}, {0, 2, 1}});
  CHECK(matrix.most_confused(9).size() == 3);
  CHECK_THROWS_WITH_AS(matrix.add(0, 3), "confusion matrix: expected classes in 0..2, got 0 and 3",
                       std::invalid_argument);
  CHECK_THROWS_AS(ConfusionMatrix(0), std::invalid_argument);
}

TEST_CASE("classify: the matrix by hand, and the most confident mistakes first") {
  //                      label 0  1  2  0  1  2  0  1  2  0
  Lookup network(std::vector<int>{0, 1, 2, 1, 1, 0, 0, 2, 2, 0});
  auto loader = ten_images();
  const Classification result = classify(network, loader, 3, 2);
  CHECK(result.confusion.images() == 10);
  CHECK(result.confusion.correct() == 7);
  CHECK(result.confusion.count(0, 0) == 3);
  CHECK(result.confusion.count(0, 1) == 1);
  CHECK(result.confusion.count(1, 1) == 2);
  CHECK(result.confusion.count(1, 2) == 1);
  CHECK(result.confusion.count(2, 0) == 1);
  CHECK(result.labels == std::vector<int>{0, 1, 2, 0, 1, 2, 0, 1, 2, 0});
  CHECK(result.right ==
        std::vector<bool>{true, true, true, false, true, false, true, false, true, true});
  // Images 3, 5 and 7 are wrong; the logit is the image's number, the others are 0.
  REQUIRE(result.mistakes.size() == 2);
  CHECK(result.mistakes[0].image == 7);
  CHECK(result.mistakes[0].label == 1);
  CHECK(result.mistakes[0].predicted == 2);
  CHECK(result.mistakes[0].probability ==
        doctest::Approx(std::exp(7.0) / (std::exp(7.0) + 2.0)).epsilon(1e-5));
  CHECK(result.mistakes[1].image == 5);
}
