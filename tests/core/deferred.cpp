#include "core/deferred.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <numeric>
#include <vector>

#include "core/ops/bfloat16.h"
#include "core/ops/elementwise.h"

using namespace quench;
using quench::testing::defer;

namespace {

/// 0, 1, 2, ...
Tensor counted(const Shape& shape) {
  Tensor tensor(shape);
  std::iota(tensor.span().begin(), tensor.span().end(), 0.0f);
  return tensor;
}

}  // namespace

TEST_CASE("deferred: read() computes a range and keeps nothing, data() computes all once") {
  const Tensor values = counted({3, 2, 41, 43});
  std::atomic<std::int64_t> reads = 0;
  const Tensor deferred = defer(values, &reads), handle = deferred;
  CHECK(deferred.defined());
  CHECK(deferred.deferred());
  CHECK(deferred.shape() == values.shape());
  CHECK(deferred.shares_storage_with(handle));
  CHECK_FALSE(deferred.known_extent().has_value());

  std::vector<float> buffer(5000);
  CHECK(deferred.read(7, 5007, buffer.data()) == buffer.data());
  for (int i = 0; i < 5000; ++i) REQUIRE(buffer[static_cast<std::size_t>(i)] == float(i + 7));
  CHECK(deferred.deferred());
  CHECK(reads == 5000);

  CHECK(deferred.to_row_major<float>() == values.to_row_major<float>());
  CHECK(reads == 5000 + values.numel());
  CHECK_FALSE(handle.deferred());
  CHECK(handle.data() == deferred.data());
  CHECK(handle.read(9, 20, buffer.data()) == handle.data() + 9);
  CHECK(reads == 5000 + values.numel());
}

TEST_CASE("deferred: slices, reshapes and clones have its elements") {
  const Tensor values = counted({4, 3});
  CHECK(defer(values).slice(1, 3).to_row_major<float>() == std::vector<float>{3, 4, 5, 6, 7, 8});
  CHECK(defer(values).reshape({2, 6}).data()[11] == 11.0f);
  CHECK(defer(values).clone().to_row_major<float>() == values.to_row_major<float>());
  Tensor target = Tensor::zeros({4, 3});
  target.copy_from(defer(values));
  CHECK(target.to_row_major<float>() == values.to_row_major<float>());
  Tensor written = defer(values);
  written.copy_from(Tensor::full({4, 3}, 2.0f));
  CHECK(written.data()[5] == 2.0f);
}

TEST_CASE("deferred: element-wise operations read it by pieces") {
  const Shape shape{5, 7, 31, 17};
  const Tensor values = counted(shape);
  std::vector<float> twice;
  for (const float value : values.span()) twice.push_back(value + value);
  std::atomic<std::int64_t> reads = 0;
  const Tensor deferred = defer(values, &reads);
  const auto equals = [](const Tensor& tensor, const std::vector<float>& expected) {
    return std::vector<float>(tensor.span().begin(), tensor.span().end()) == expected;
  };
  CHECK(equals(add(deferred, values), twice));
  CHECK(equals(multiply_scalar(deferred, 2.0f), twice));
  Tensor sum = values.clone();
  add_in_place(sum, deferred);
  CHECK(equals(sum, twice));
  const std::vector<float> scale{1, 2, 3, 4, 5, 6, 7};
  const Tensor rounded = to_bfloat16(deferred, scale), expected = to_bfloat16(values, scale);
  CHECK(rounded.to_row_major<BFloat16>().size() == expected.to_row_major<BFloat16>().size());
  CHECK(to_float32(rounded).to_row_major<float>() == to_float32(expected).to_row_major<float>());
  CHECK(deferred.deferred());
  CHECK(reads == 4 * values.numel());
}
