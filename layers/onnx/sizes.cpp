// Sizes: Shape, Gather, Slice of constants, and what a Reshape does with them.

#include "layers/onnx/sizes.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <numeric>

#include "core/error.h"
#include "layers/onnx/operators.h"

namespace quench::onnx_network {
namespace {

using Sizes = std::vector<std::int64_t>;

/// Whether the first size of a Reshape means the batch: as such, as "what there was", or as the number
/// that the file was exported with.
bool means_batch(std::int64_t size, const OnnxModel& model) {
  return size == kBatch || size == 0 || (!model.input.dims.empty() && size == model.input.dims[0]);
}

std::int64_t product(const Sizes& sizes) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  std::int64_t result = 1;
  for (const std::int64_t size : sizes) {
    require(size >= 1 && result <= kMost / size, "shape: expected sizes of at least 1, got {}",
            dims_text(sizes));
    result *= size;
  }
  return result;
}

}  // namespace

void require_few(const Sizes& sizes) {
  constexpr std::ptrdiff_t kMost = 64;
  require(std::ssize(sizes) <= kMost, "expected at most {} sizes, got {}", kMost, sizes.size());
}

Sizes reshaped(const Sizes& dims, Sizes target, const OnnxModel& model) {
  require_few(target);
  require(target.size() >= 2 && means_batch(target[0], model),
          "shape: expected the batch in front, as -1, 0 or what it is, got {}", dims_text(target));
  for (std::size_t i = 1; i < target.size(); ++i) {
    if (target[i] == 0 && i < dims.size()) target[i] = dims[i];
  }
  Sizes sizes(target.begin() + 1, target.end());
  const std::int64_t numbers = product({dims.begin() + 1, dims.end()});
  const auto open = std::ranges::find(sizes, -1);
  if (open != sizes.end()) {
    *open = 1;
    *open = numbers / product(sizes);
  }
  require(product(sizes) == numbers, "shape: expected the {} numbers of each image, got {}",
          numbers, dims_text(target));
  return sizes;
}

void build_shape(Builder& builder, const OnnxNode& node) {
  const Value value = builder.activation(node);
  Sizes dims = value.dims();
  dims.insert(dims.begin(), kBatch);
  const std::int64_t rank = std::ssize(dims);
  const auto place = [&](const char* name, std::int64_t fallback) {
    const std::int64_t at = attribute(node, name, fallback);
    return std::clamp<std::int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  const std::int64_t start = place("start", 0), end = std::max(start, place("end", rank));
  dims = {dims.begin() + start, dims.begin() + end};
  builder.set_output(node, integer_tensor({std::ssize(dims)}, dims));
}

void build_gather(Builder& builder, const OnnxNode& node) {
  const Sizes from = integers(builder.constant(node, 0));
  const OnnxTensor& indices = builder.constant(node, 1);
  require(attribute(node, "axis", std::int64_t{0}) == 0, "axis: expected 0, of a list of sizes");
  Sizes result;
  for (std::int64_t index : integers(indices)) {
    index += index < 0 ? std::ssize(from) : 0;
    require(index >= 0 && index < std::ssize(from), "expected an index below {}, got {}",
            from.size(), index);
    result.push_back(from[static_cast<std::size_t>(index)]);
  }
  require_few(result);
  builder.set_output(node, integer_tensor(indices.dims, result));
}

void slice_sizes(Builder& builder, const OnnxNode& node) {
  const Sizes from = integers(builder.constant(node, 0));
  const auto number = [&](std::size_t input, const char* name, std::int64_t fallback) {
    Sizes given = attribute(node, name, Sizes{});
    if (Builder::has_input(node, input)) given = integers(builder.constant(node, input));
    require(given.size() <= 1, "{}: expected one number, got {}", name, given.size());
    return given.empty() ? fallback : given[0];
  };
  const std::int64_t size = std::ssize(from);
  const auto place = [size](std::int64_t at) {
    return std::clamp<std::int64_t>(at < 0 ? at + size : at, 0, size);
  };
  const std::int64_t start = place(number(1, "starts", 0)), end = place(number(2, "ends", size));
  require(number(3, "axes", 0) == 0 && number(4, "steps", 1) == 1,
          "expected a part of a list of sizes, along axis 0 in steps of 1");
  const Sizes result(from.begin() + start, from.begin() + std::max(start, end));
  builder.set_output(node, integer_tensor({std::ssize(result)}, result));
}

}  // namespace quench::onnx_network
