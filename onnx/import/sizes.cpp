#include "onnx/import/sizes.h"

#include <algorithm>
#include <limits>

#include "onnx/import/operators.h"
#include "support/error.h"

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
  require(std::ssize(sizes) <= kMostSizes, "expected at most {} sizes, got {}", kMostSizes,
          sizes.size());
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

}  // namespace quench::onnx_network
