#include "core/tensor.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <numeric>
#include <stdexcept>

namespace quench {
namespace {

std::vector<float> counting(std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), 0.0f);
  return values;
}

}  // namespace

TEST_CASE("tensor: rank 4 is channels-last in memory") {
  // [1, 2, 1, 3]: two channels of a row of three pixels.
  const Tensor x = Tensor::from_row_major<float>({1, 2, 1, 3}, {0, 1, 2, 10, 11, 12});
  const std::vector<float> memory(x.span().begin(), x.span().end());
  CHECK(memory == std::vector<float>{0, 10, 1, 11, 2, 12});
}

TEST_CASE("tensor: row-major order survives the way in and out, for every rank and type") {
  for (const Shape& shape : {Shape{24}, Shape{4, 6}, Shape{2, 3, 4}, Shape{2, 3, 2, 2}}) {
    CAPTURE(shape.to_string());
    CHECK(Tensor::from_row_major(shape, counting(24)).to_row_major() == counting(24));
  }
  const std::vector<std::int8_t> codes{-128, 127, 0, 3};
  const Tensor q = Tensor::from_row_major({1, 2, 1, 2}, codes);
  CHECK(q.dtype() == DType::s8);
  CHECK(q.bytes() == 4);
  CHECK(q.to_row_major<std::int8_t>() == codes);
}

TEST_CASE("tensor: a wrong count of values is named") {
  CHECK_THROWS_WITH_AS(Tensor::from_row_major({2, 3}, counting(5)),
                       "tensor: expected 6 values for shape [2, 3], got 5", std::invalid_argument);
}

TEST_CASE("tensor: a copy is a handle, a clone is not") {
  const Tensor x = Tensor::full({3}, 1.0f);
  Tensor handle = x;
  Tensor clone = x.clone();
  CHECK(handle.shares_storage_with(x));
  CHECK_FALSE(clone.shares_storage_with(x));
  CHECK_FALSE(x.unique());
  CHECK(clone.unique());
  handle.data()[1] = 5.0f;
  clone.data()[1] = 7.0f;
  CHECK(x.data()[1] == 5.0f);
  CHECK_FALSE(Tensor().shares_storage_with(Tensor()));
}

TEST_CASE("tensor: a slice and a reshape share memory") {
  Tensor x = Tensor::from_row_major({4, 2}, counting(8));
  Tensor middle = x.slice(1, 3);
  CHECK(middle.to_row_major() == std::vector<float>{2, 3, 4, 5});
  middle.data()[0] = -1.0f;
  CHECK(x.data()[2] == -1.0f);
  CHECK(middle.reshape({4}).shape() == Shape{4});
  CHECK(x.slice(4, 4).numel() == 0);
  CHECK_THROWS_AS(x.slice(2, 5), std::invalid_argument);
  CHECK_THROWS_AS(x.slice(3, 2), std::invalid_argument);
  CHECK_THROWS_AS(Tensor::scalar(1.0f).slice(0, 1), std::invalid_argument);
  CHECK_THROWS_AS(x.reshape({9}), std::invalid_argument);
}

TEST_CASE("tensor: flattening an image keeps memory order, that is H, W, C") {
  const Tensor image = Tensor::from_row_major<float>({1, 2, 1, 3}, {0, 1, 2, 10, 11, 12});
  CHECK(image.reshape({1, 6}).to_row_major() == std::vector<float>{0, 10, 1, 11, 2, 12});
}

TEST_CASE("tensor: the version counts announced changes and belongs to the storage") {
  Tensor x = Tensor::zeros({4});
  const Tensor view = x.slice(0, 2);
  CHECK(x.version() == 0);
  x.bump_version();
  CHECK(view.version() == 1);
  x.copy_from(Tensor::full({4}, 2.0f));
  CHECK(view.version() == 2);
  CHECK(view.data()[1] == 2.0f);
  CHECK(x.clone().version() == 0);
  CHECK_THROWS_AS(x.copy_from(Tensor::zeros({2, 2})), std::invalid_argument);
  CHECK_THROWS_AS(x.copy_from(Tensor({4}, DType::s32)), std::invalid_argument);
}

TEST_CASE("tensor: misuse is a logic error, not a crash") {
  CHECK_THROWS_WITH_AS(Tensor({2}).data<double>(), "tensor: expected element type f64, got f32",
                       std::logic_error);
  CHECK_THROWS_AS(Tensor().data(), std::logic_error);
  CHECK_THROWS_AS(Tensor().reshape({1}), std::logic_error);
  CHECK_THROWS_AS(Tensor().copy_from(Tensor()), std::logic_error);
  CHECK_THROWS_AS(Tensor().item(), std::logic_error);
  CHECK_THROWS_AS(Tensor({2}).item(), std::logic_error);
  CHECK(Tensor::scalar(3.5f).item() == 3.5f);
  CHECK_FALSE(Tensor().clone().defined());
}

TEST_CASE("tensor: an empty one has an address, a shape and no elements") {
  const Tensor empty = Tensor::zeros({0, 3, 2, 2});
  CHECK(empty.defined());
  CHECK(empty.span().empty());
  CHECK(empty.to_row_major().empty());
  CHECK(empty.clone().shape() == empty.shape());
}

}  // namespace quench
