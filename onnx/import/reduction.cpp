// Means, sums, maxima and norms over axes: ReduceMean, ReduceSum, ReduceMax, ReduceL2.

#include <algorithm>
#include <array>
#include <utility>

#include "layers/activation.h"
#include "layers/arithmetic.h"
#include "layers/pool.h"
#include "onnx/import/arrays.h"
#include "onnx/import/operators.h"
#include "onnx/import/sizes.h"
#include "support/error.h"

namespace quench::onnx {
namespace {

/// The reduced axes, and the dims that remain after the batch.
struct Reduction {
  bool channels = false, rows = false, columns = false;
  Integers left;
};

/// The axes of a value may be those of its layout, or merge or split them.
/// @throws std::invalid_argument  if part of an axis is reduced
Reduction reduction_of(const Value& value, const Integers& axes, bool keep) {
  Reduction result;
  struct Natural {
    std::int64_t size;
    bool* reduced;
  };
  std::vector<Natural> natural{{value.channels, &result.channels},
                               {value.height, &result.rows},
                               {value.width, &result.columns}};
  if (value.layout == Layout::channels_last)
    std::rotate(natural.begin(), natural.begin() + 1, natural.end());
  const Integers dims = value.dims();
  const auto named = [&](std::size_t axis) {
    return std::ranges::find(axes, static_cast<std::int64_t>(axis) + 1) != axes.end();
  };
  for (std::size_t axis = 0, next = 0; axis < dims.size();) {
    // The fewest axes of either kind with the same number of values.
    const std::size_t first = axis, first_natural = next;
    std::int64_t given = dims[axis++], size = next < 3 ? natural[next++].size : 1;
    while (given != size) {
      if (given < size) {
        given *= dims[axis++];
      } else {
        size *= natural[next++].size;
      }
    }
    bool reduced = false;
    for (std::size_t i = first; i < axis; ++i) reduced = reduced || (named(i) && dims[i] > 1);
    for (std::size_t i = first; i < axis; ++i)
      require(named(i) == reduced || dims[i] == 1,
              "axes: expected whole rows, columns or channels of an image, got {} of {}",
              dims_text(axes), value.text());
    for (std::size_t i = first_natural; i < next; ++i) *natural[i].reduced = reduced;
  }
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (!named(i)) result.left.push_back(dims[i]);
    if (named(i) && keep) result.left.push_back(1);
  }
  return result;
}

/// Moves reduced axes to columns, so that channels can be reduced too; the remaining axes become
/// channels.
Value taken_as_columns(Builder& builder, const OnnxNode& node, const Value& value,
                       const Integers& axes) {
  const Integers dims = value.dims();
  Integers order, sizes{1, 1};
  for (const bool taken : {false, true}) {
    for (std::int64_t axis = 0; axis < std::ssize(dims); ++axis) {
      if ((std::ranges::find(axes, axis + 1) != axes.end()) != taken) continue;
      order.push_back(axis);
      sizes[taken ? 1 : 0] *= dims[static_cast<std::size_t>(axis)];
    }
  }
  return builder.rearranged(node.output + "/taken", value, order,
                            image_value(sizes, Layout::channels_first));
}

enum class Sum : std::uint8_t { none, of_numbers, of_squares };

/// Reduces the axes of a node by a pool. A sum is an average times the number of values; a norm
/// also takes squares and the root.
template <typename Pool>
void append_reduction(Builder& builder, const OnnxNode& node, const ReduceAttributes& attributes,
                      Sum sum = Sum::none) {
  Value input = builder.numbers(node);
  const Integers axes = axes_of(builder, node, attributes, input.dims().size() + 1);
  if (axes.empty() && attributes.noop_with_empty_axes != 0) {
    require(sum != Sum::of_squares, "axes: expected at least one, got none");
    return builder.set_output(node, input);
  }
  require(!axes.empty() && axes[0] != 0, "axes: expected axes after the batch, got {}",
          dims_text(axes));
  Reduction reduction = reduction_of(input, axes, attributes.keepdims != 0);
  require(!reduction.left.empty(),
          "axes: expected at least one axis to remain after the batch, got {} of {}",
          dims_text(axes), input.text());
  if (sum == Sum::of_squares)
    input = builder.insert(node.output + "/squares", std::make_shared<layers::Multiply>(),
                           {input, input}, input);
  if (reduction.channels && input.channels > 1) {
    input = taken_as_columns(builder, node, input, axes);
    reduction.rows = false;
    reduction.columns = true;
  }
  Value output = input;
  output.view.clear();
  Window2d window;
  if (reduction.rows) window.kernel[0] = static_cast<int>(std::exchange(output.height, 1));
  if (reduction.columns) window.kernel[1] = static_cast<int>(std::exchange(output.width, 1));
  if (window != Window2d{})
    output = builder.insert(name_of(node), std::make_shared<Pool>(window), {input}, output);
  const std::int64_t count = std::int64_t{window.kernel[0]} * window.kernel[1];
  if (sum != Sum::none && count > 1) {
    const Tensor factor = Tensor::full({1}, static_cast<float>(count));
    output = builder.insert(node.output + "/sum",
                            std::make_shared<layers::ScaleShift>(
                                factor, Tensor{}, layers::ScaleShift::Values::constant),
                            {output}, output);
  }
  if (sum == Sum::of_squares)
    output = builder.insert(
        node.output + "/root",
        std::make_shared<layers::PointwiseFunction>(Pointwise(Pointwise::Kind::sqrt)), {output},
        output);
  append_reshape(builder, node, output, reduction.left);
}

}  // namespace

void build_reduce_mean(Builder& builder, const OnnxNode& node, const ReduceAttributes& attributes) {
  append_reduction<layers::AveragePool2d>(builder, node, attributes);
}

void build_reduce_sum(Builder& builder, const OnnxNode& node, const ReduceAttributes& attributes) {
  append_reduction<layers::AveragePool2d>(builder, node, attributes, Sum::of_numbers);
}

void build_reduce_l2(Builder& builder, const OnnxNode& node, const ReduceAttributes& attributes) {
  append_reduction<layers::AveragePool2d>(builder, node, attributes, Sum::of_squares);
}

void build_reduce_max(Builder& builder, const OnnxNode& node, const ReduceAttributes& attributes) {
  append_reduction<layers::MaxPool2d>(builder, node, attributes);
}

}  // namespace quench::onnx
