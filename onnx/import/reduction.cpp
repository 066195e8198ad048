// Means, sums and maxima over rows and columns: ReduceMean, ReduceSum, ReduceMax.

#include <algorithm>
#include <array>
#include <utility>

#include "layers/arithmetic.h"
#include "layers/pool.h"
#include "onnx/import/arrays.h"
#include "onnx/import/operators.h"
#include "onnx/import/sizes.h"
#include "support/error.h"

namespace quench::onnx_network {
namespace {

/// What a reduction takes together, and the dims that it leaves behind the batch.
struct Reduction {
  bool channels = false, rows = false, columns = false;
  Integers left;
};

/// The axes of a value may be those of its layout, some of these as one, or one of these as several.
/// @throws std::invalid_argument  for a part of one
Reduction reduction_of(const Value& value, const Integers& axes, bool keep) {
  Reduction result;
  struct Natural {
    std::int64_t size;
    bool* reduced;
  };
  std::vector<Natural> natural{{value.channels, &result.channels},
                               {value.height, &result.rows},
                               {value.width, &result.columns}};
  if (value.layout == Layout::channels_last) std::ranges::rotate(natural, natural.begin() + 1);
  const Integers dims = value.dims();
  const auto named = [&](std::size_t axis) {
    return std::ranges::find(axes, static_cast<std::int64_t>(axis) + 1) != axes.end();
  };
  for (std::size_t axis = 0, next = 0; axis < dims.size();) {
    // The fewest axes of either kind that have as many numbers.
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
              "axes: expected rows, columns or both of an image, got {} of {}", dims_text(axes),
              value.text());
    for (std::size_t i = first_natural; i < next; ++i) *natural[i].reduced = reduced;
  }
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (!named(i)) result.left.push_back(dims[i]);
    if (named(i) && keep) result.left.push_back(1);
  }
  return result;
}

/// A pool over the axes of a node.
template <typename Pool>
void append_reduction(Builder& builder, const OnnxNode& node, const ReduceAttributes& attributes,
                      bool sum = false) {
  const Value input = builder.numbers(node);
  const Integers axes = axes_of(builder, node, attributes, input.dims().size() + 1);
  if (axes.empty() && attributes.noop_with_empty_axes != 0) return builder.set_output(node, input);
  require(!axes.empty() && axes[0] != 0, "axes: expected axes behind the batch, got {}",
          dims_text(axes));
  const auto [channels, rows, columns, left] = reduction_of(input, axes, attributes.keepdims != 0);
  require(!(channels && input.channels > 1) && !left.empty(),
          "axes: expected rows, columns or both of an image, got {} of {}", dims_text(axes),
          input.text());
  Value output = input;
  output.view.clear();
  Window2d window;
  if (rows) window.kernel[0] = static_cast<int>(std::exchange(output.height, 1));
  if (columns) window.kernel[1] = static_cast<int>(std::exchange(output.width, 1));
  if (window != Window2d{})
    output = builder.insert(name_of(node), std::make_shared<Pool>(window), {input}, output);
  const std::int64_t count = std::int64_t{window.kernel[0]} * window.kernel[1];
  if (sum && count > 1) {
    const Tensor factor = Tensor::full({1}, static_cast<float>(count));
    output =
        builder.insert(node.output + "/sum",
                       std::make_shared<ScaleShift>(factor, Tensor{}, ScaleShift::Values::constant),
                       {output}, output);
  }
  append_reshape(builder, node, output, left);
}

}  // namespace

void build_reduce_mean(Builder& builder, const OnnxNode& node, const ReduceAttributes& attributes) {
  append_reduction<AveragePool2d>(builder, node, attributes);
}

void build_reduce_sum(Builder& builder, const OnnxNode& node, const ReduceAttributes& attributes) {
  append_reduction<AveragePool2d>(builder, node, attributes, true);
}

void build_reduce_max(Builder& builder, const OnnxNode& node, const ReduceAttributes& attributes) {
  append_reduction<MaxPool2d>(builder, node, attributes);
}

}  // namespace quench::onnx_network
