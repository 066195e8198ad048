#include "autograd/shape_ops.h"

#include <algorithm>
#include <utility>

#include "autograd/node.h"
#include "core/ops/reduce.h"
#include "core/ops/select_channels.h"
#include "core/ops/select_pixels.h"
#include "core/ops/shape_ops.h"
#include "core/ops/upsample.h"
#include "support/error.h"

namespace quench {
namespace {

struct ReshapeNode final : Node {
  Shape input_shape;

  explicit ReshapeNode(Shape input_shape_in) : input_shape(input_shape_in) {}
  std::string_view name() const override { return "reshape"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {grad_output.reshape(input_shape)};
  }
};

struct ExpandNode final : Node {
  std::string_view name() const override { return "expand"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {Tensor::full({1}, static_cast<float>(sum(grad_output)))};
  }
};

struct SliceNode final : Node {
  Shape input_shape;
  std::int64_t begin;

  SliceNode(Shape input_shape_in, std::int64_t begin_in)
      : input_shape(input_shape_in), begin(begin_in) {}
  std::string_view name() const override { return "slice"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    Tensor grad = Tensor::zeros(input_shape);
    Tensor part = grad.slice(begin, begin + grad_output.dim(0));
    part.copy_from(grad_output);
    return {grad};
  }
};

struct PadNode final : Node {
  Padding padding;

  explicit PadNode(const Padding& padding_in) : padding(padding_in) {}
  std::string_view name() const override { return "pad"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {crop(grad_output, padding)};
  }
};

struct CropNode final : Node {
  Padding padding;

  explicit CropNode(const Padding& padding_in) : padding(padding_in) {}
  std::string_view name() const override { return "crop"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {pad(grad_output, padding, 0.0f)};
  }
};

struct SelectChannelsNode final : Node {
  std::vector<std::int64_t> channels;
  Shape input;

  SelectChannelsNode(std::vector<std::int64_t> channels_in, Shape input_in)
      : channels(std::move(channels_in)), input(input_in) {}
  std::string_view name() const override { return "select_channels"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {select_channels_backward(grad_output, channels, input)};
  }
};

struct UpsampleNode final : Node {
  std::array<int, 2> factor;

  explicit UpsampleNode(std::array<int, 2> factor_in) : factor(factor_in) {}
  std::string_view name() const override { return "upsample"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {upsample_backward(grad_output, factor)};
  }
};

struct SelectPixelsNode final : Node {
  std::vector<std::int64_t> rows, columns;
  Shape input;

  SelectPixelsNode(std::vector<std::int64_t> rows_in, std::vector<std::int64_t> columns_in,
                   Shape input_in)
      : rows(std::move(rows_in)), columns(std::move(columns_in)), input(input_in) {}
  std::string_view name() const override { return "select_pixels"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {select_pixels_backward(grad_output, rows, columns, input)};
  }
};

struct InterpolateNode final : Node {
  std::vector<Between> rows, columns;
  Shape input;

  InterpolateNode(std::vector<Between> rows_in, std::vector<Between> columns_in, Shape input_in)
      : rows(std::move(rows_in)), columns(std::move(columns_in)), input(input_in) {}
  std::string_view name() const override { return "interpolate"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {interpolate_backward(grad_output, rows, columns, input)};
  }
};

struct RearrangeNode final : Node {
  Rearrangement rearrangement;
  Shape input;

  RearrangeNode(Rearrangement rearrangement_in, Shape input_in)
      : rearrangement(std::move(rearrangement_in)), input(input_in) {}
  std::string_view name() const override { return "rearrange"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return {rearrange_backward(grad_output, rearrangement, input)};
  }
};

struct ConcatNode final : Node {
  std::vector<std::int64_t> sizes;
  int axis;

  ConcatNode(std::vector<std::int64_t> sizes_in, int axis_in)
      : sizes(std::move(sizes_in)), axis(axis_in) {}
  std::string_view name() const override { return "concat"; }
  std::vector<Tensor> backward(const Tensor& grad_output) const override {
    return split(grad_output, sizes, axis);
  }
};

}  // namespace

Variable reshape(const Variable& x, Shape shape) {
  return record<ReshapeNode>({x}, x.value().reshape(shape), x.shape());
}

Variable flatten(const Variable& x) {
  require(x.shape().rank() >= 1 && x.shape()[0] > 0,
          "flatten: expected [N, ...] with N >= 1, got {}", x.shape().to_string());
  const std::int64_t batch = x.shape()[0];
  return reshape(x, {batch, x.value().numel() / batch});
}

Variable expand(const Variable& x, std::int64_t count) {
  require(x.shape() == Shape{1} && count >= 1,
          "expand: expected [1] and a count of at least 1, got {} and {}", x.shape().to_string(),
          count);
  return record<ExpandNode>({x}, Tensor::full({count}, x.value().item()));
}

Variable slice(const Variable& x, std::int64_t begin, std::int64_t end) {
  return record<SliceNode>({x}, x.value().slice(begin, end), x.shape(), begin);
}

Variable pad(const Variable& x, const Padding& padding, float value) {
  return record<PadNode>({x}, pad(x.value(), padding, value), padding);
}

Variable crop(const Variable& x, const Padding& padding) {
  return record<CropNode>({x}, crop(x.value(), padding), padding);
}

Variable select_channels(const Variable& x, const std::vector<std::int64_t>& channels) {
  return record<SelectChannelsNode>({x}, select_channels(x.value(), channels), channels, x.shape());
}

Variable upsample(const Variable& x, std::array<int, 2> factor) {
  return record<UpsampleNode>({x}, upsample(x.value(), factor), factor);
}

Variable select_pixels(const Variable& x, const std::vector<std::int64_t>& rows,
                       const std::vector<std::int64_t>& columns) {
  return record<SelectPixelsNode>({x}, select_pixels(x.value(), rows, columns), rows, columns,
                                  x.shape());
}

Variable interpolate(const Variable& x, const std::vector<Between>& rows,
                     const std::vector<Between>& columns) {
  return record<InterpolateNode>({x}, interpolate(x.value(), rows, columns), rows, columns,
                                 x.shape());
}

Variable rearrange(const Variable& x, const Rearrangement& rearrangement) {
  return record<RearrangeNode>({x}, rearrange(x.value(), rearrangement), rearrangement, x.shape());
}

Variable concat(std::span<const Variable> parts, int axis) {
  std::vector<Tensor> values;
  std::ranges::transform(parts, std::back_inserter(values), &Variable::value);
  Tensor joined = concat(values, axis);  // checks the axis, which is used below
  std::vector<std::int64_t> sizes;
  for (const Tensor& value : values) sizes.push_back(value.dim(axis));
  return record<ConcatNode>(parts, std::move(joined), std::move(sizes), axis);
}

}  // namespace quench
