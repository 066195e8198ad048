#include "onnx/import/sizes.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "onnx/import/arrays.h"
#include "onnx/import/operators.h"
#include "support/error.h"

namespace quench::onnx {
namespace {

std::int64_t product(const Dims& sizes) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  std::int64_t result = 1;
  for (const std::int64_t size : sizes) {
    require(size >= 1 && result <= kMost / size, "shape: expected sizes of at least 1, got {}",
            sizes_text(sizes));
    result *= size;
  }
  return result;
}

Dims with_images(Dims sizes, std::int64_t images) {
  std::ranges::replace(sizes, kBatch, images);
  return sizes;
}

}  // namespace

Dims sizes_of(const Value& value) {
  Dims sizes = value.dims();
  sizes.insert(sizes.begin(), kBatch);
  return sizes;
}

std::string sizes_text(const Dims& sizes) {
  std::vector<std::string> parts;
  for (const std::int64_t size : sizes)
    parts.push_back(size == kBatch ? "N" : std::to_string(size));
  return fmt::format("[{}]", fmt::join(parts, ", "));
}

Dims shape_of(const ShapeAttributes& attributes, const Dims& dims) {
  const std::int64_t rank = std::ssize(dims);
  const auto place = [&](std::int64_t at) {
    return std::clamp<std::int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  const std::int64_t start = place(attributes.start),
                     end = std::max(start, place(attributes.end.value_or(rank)));
  return {dims.begin() + start, dims.begin() + end};
}

Dims axes_of(const Builder& builder, const OnnxNode& node, const AxesAttributes& attributes,
             std::size_t rank) {
  const bool given = Builder::has_input(node, 1);
  return axes_of(attributes, {nullptr, given ? &builder.constant(node, 1) : nullptr}, rank);
}

Dims reshaped(const Dims& sizes, Dims target, std::int64_t images) {
  require_few(target);
  const Dims asked = target;
  for (std::size_t i = 0; i < std::min(target.size(), sizes.size()); ++i) {
    if (target[i] == 0) target[i] = sizes[i];
  }
  const bool batch_in_front =
      target.size() >= 2 && (target[0] == kBatch || target[0] == images || target[0] == -1);
  require(batch_in_front, "shape: expected the batch first, as -1, 0 or its size, got {}",
          sizes_text(asked));
  Dims result(target.begin() + 1, target.end());
  const std::int64_t numbers = product({sizes.begin() + 1, sizes.end()});
  if (const auto open = std::ranges::find(result, -1); open != result.end() && target[0] != -1) {
    *open = 1;
    *open = numbers / product(result);
  }
  require(product(result) == numbers, "shape: expected the {} values of each image, got {}",
          numbers, sizes_text(asked));
  return result;
}

void build_shape(Builder& builder, const OnnxNode& node, const ShapeAttributes& attributes) {
  const Dims sizes = shape_of(attributes, sizes_of(builder.moved(node)));
  const auto shape = [&](std::int64_t images) {
    return tensor_of({std::ssize(sizes)}, with_images(sizes, images));
  };
  builder.set_output(node, shape(1), shape(kManyImages));
}

void build_size(Builder& builder, const OnnxNode& node, const NoAttributes&) {
  const std::int64_t each = builder.moved(node).numel();
  builder.set_output(node, tensor_of({}, Dims{each}), tensor_of({}, Dims{each * kManyImages}));
}

}  // namespace quench::onnx
