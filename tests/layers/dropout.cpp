#include <doctest/doctest.h>

#include <algorithm>
#include <stdexcept>

#include "layers/activation.h"
#include "layers/reference.h"
#include "thread_ranks.h"

namespace quench::layers {
namespace {

TEST_CASE("dropout layer: evaluation is the identity and draws nothing") {
  Dropout dropout(0.5f, Random(1, "dropout"));
  dropout.set_training(false);
  const Tensor input = testing::random_tensor({4, 5}, 2);
  CHECK(dropout(Variable(input)).value().shares_storage_with(input));
  CHECK(*dropout.buffers()[0].value.data<double>() == 0.0);
}

TEST_CASE("dropout layer: zeros or x / (1 - p), about p of them zeros, new ones each time") {
  Dropout dropout(0.25f, Random(3, "dropout"));
  const Variable ones(Tensor::full({100, 100}, 1.0f));
  const auto first = dropout(ones).value().to_row_major();
  const auto zeros = std::ranges::count(first, 0.0f);
  // Four standard deviations of a binomial: sqrt(10000 * 0.25 * 0.75) = 43.
  CHECK(zeros > 2500 - 173);
  CHECK(zeros < 2500 + 173);
  CHECK(zeros + std::ranges::count(first, 1.0f / 0.75f) == 10000);
  CHECK(dropout(ones).value().to_row_major() != first);
}

TEST_CASE("dropout layer: a restored position continues the sequence of masks") {
  const Variable ones(Tensor::full({8, 8}, 1.0f));
  Dropout original(0.5f, Random(4, "dropout"));
  original(ones);
  Dropout restored(0.5f, Random(4, "dropout"));
  Tensor position = restored.buffers()[0].value;
  position.copy_from(original.buffers()[0].value);
  for (int step = 0; step < 3; ++step) {
    CHECK(testing::same_bits(original(ones).value(), restored(ones).value()));
  }
}

TEST_CASE("dropout layer: ranks draw the masks of one process for their images") {
  constexpr std::int64_t kImages = 3;
  const Tensor x = Tensor::full({2 * kImages, 5}, 1.0f);
  Dropout whole(0.5f, Random(1, "test"));
  const Tensor first = whole(Variable(x)).value(), second = whole(Variable(x)).value();
  ThreadRanks(2).run([&](int rank) {
    Dropout part(0.5f, Random(1, "test"));
    const std::int64_t begin = rank * kImages, end = begin + kImages;
    const Variable own(x.slice(begin, end));
    for (const Tensor& expected : {first, second}) {
      CHECK(part(own).value().to_row_major() == expected.slice(begin, end).to_row_major());
    }
    CHECK(*part.buffers()[0].value.data<double>() == *whole.buffers()[0].value.data<double>());
  });
}

TEST_CASE("dropout layer: a probability of 1 is rejected") {
  CHECK_THROWS_AS(Dropout(1.0f, Random(1, "dropout")), std::invalid_argument);
  CHECK_THROWS_AS(Dropout(-0.1f, Random(1, "dropout")), std::invalid_argument);
}

}  // namespace
}  // namespace quench::layers
