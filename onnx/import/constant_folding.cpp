// Folds operators that move values; arithmetic is in constant_arithmetic.cpp.

#include "onnx/import/constant_folding.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "onnx/import/arrays.h"
#include "onnx/import/sizes.h"
#include "support/error.h"

namespace quench::onnx {
namespace {

/// ONNX's integer types, with their ranges.
struct IntegerType {
  std::int64_t type, least, most;
};
constexpr std::int64_t kBool = 9, kInt8 = 3, kUint8 = 2;
constexpr std::int64_t kLeastInteger = std::numeric_limits<std::int64_t>::min(),
                       kMostInteger = std::numeric_limits<std::int64_t>::max();
constexpr std::array kIntegers{IntegerType{kUint8, 0, 255},
                               IntegerType{kInt8, -128, 127},
                               IntegerType{4, 0, 65535},
                               IntegerType{5, -32768, 32767},
                               IntegerType{6, -2147483648LL, 2147483647},
                               IntegerType{7, kLeastInteger, kMostInteger},
                               IntegerType{kBool, 0, 1},
                               IntegerType{12, 0, 4294967295LL},
                               IntegerType{13, 0, kMostInteger}};

Dims rounded_to_zero(const OnnxTensor& tensor) {
  Dims result;
  constexpr float kLimit = 9.2e18f;
  for (const float value : floats(tensor)) {
    require(std::abs(value) < kLimit, "expected values in the range of an integer, got {}", value);
    result.push_back(static_cast<std::int64_t>(value));
  }
  return result;
}

OnnxTensor truths(const OnnxTensor& from) {
  Dims result;
  if (from.type == OnnxType::f32) {
    for (const float value : floats(from)) result.push_back(value != 0.0f);
  } else {
    for (const std::int64_t value : any_integers(from)) result.push_back(value != 0);
  }
  return tensor_of(from.dims, result);
}

OnnxTensor as_floats(const OnnxTensor& from) {
  if (from.type == OnnxType::f32) return from;
  std::vector<float> result;
  for (const std::int64_t value : any_integers(from)) result.push_back(static_cast<float>(value));
  return tensor_of(from.dims, result);
}

OnnxTensor as_integers(const OnnxTensor& from, const IntegerType& to) {
  const Dims values = from.type == OnnxType::f32 ? rounded_to_zero(from) : any_integers(from);
  for (const std::int64_t value : values)
    require(value >= to.least && value <= to.most, "to: type {} holds {} to {}, got {}", to.type,
            to.least, to.most, value);
  if (to.type != kUint8 && to.type != kInt8) return tensor_of(from.dims, values);
  return codes_of(to.type == kUint8 ? OnnxType::u8 : OnnxType::s8, from.dims, values);
}

/// A slice of an axis in steps of `step`; negative `start` and `end` count from the end.
Walk slice_walk(std::int64_t size, std::int64_t start, std::int64_t end, std::int64_t step,
                std::int64_t apart) {
  require(step != 0 && step != kLeastInteger, "steps: expected steps other than 0, got {}", step);
  const std::int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
  const auto position = [&](std::int64_t at, std::int64_t least) {
    if (at < 0) at = at < -size ? least : at + size;
    return std::clamp(at, least, high);
  };
  const std::int64_t first = position(start, step > 0 ? 0 : std::min<std::int64_t>(size, 1) - 1);
  const std::int64_t last = position(end, low);
  const std::int64_t distance = step > 0 ? last - first : first - last;
  const std::int64_t count = distance <= 0 ? 0 : (distance - 1) / std::abs(step) + 1;
  // A single element needs no step; the given one may be arbitrary.
  return {count, first * apart, count > 1 ? step * apart : 0};
}

}  // namespace

OnnxTensor fold_identity(const NoAttributes&, const Constants& inputs) { return input(inputs, 0); }

OnnxTensor fold_cast(const CastAttributes& attributes, const Constants& inputs) {
  const OnnxTensor& from = input(inputs, 0);
  if (is_float(attributes.to)) return as_floats(from);
  if (attributes.to == kBool) return truths(from);
  const auto to = std::ranges::find(kIntegers, attributes.to, &IntegerType::type);
  require(to != kIntegers.end(), "to: expected a type of floats, integers or booleans, got {}",
          attributes.to);
  return as_integers(from, *to);
}

OnnxTensor fold_concat(const AxisAttributes& attributes, const Constants& inputs) {
  const OnnxTensor& first = input(inputs, 0);
  const std::size_t axis = axis_of(attributes.axis.value_or(0), first.dims.size());
  OnnxTensor result{.name = {}, .type = first.type, .dims = first.dims, .bytes = {}};
  result.dims[axis] = 0;
  std::size_t rows = 1;  // the parts' rows are concatenated
  for (std::size_t i = 0; i < axis; ++i) rows *= static_cast<std::size_t>(first.dims[i]);
  std::size_t size = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const OnnxTensor& part = input(inputs, i);
    Dims expected = first.dims;
    if (part.dims.size() == expected.size()) expected[axis] = part.dims[axis];
    require(part.type == first.type && part.dims == expected,
            "expected inputs of one type and size except for axis {}, got {} and {}", axis,
            dims_text(first.dims), dims_text(part.dims));
    require(part.dims[axis] <= kMostInteger - result.dims[axis], "too many elements");
    result.dims[axis] += part.dims[axis];
    size += part.bytes.size();
  }
  count_of(result.dims, kMostInteger);
  if (size == 0) return result;
  std::vector<std::byte> bytes;
  bytes.reserve(size);
  for (std::size_t row = 0; row < rows; ++row) {
    for (const OnnxTensor* part : inputs) {
      const std::size_t length = part->bytes.size() / rows;
      const auto begin = part->bytes.begin() + static_cast<std::ptrdiff_t>(row * length);
      bytes.insert(bytes.end(), begin, begin + static_cast<std::ptrdiff_t>(length));
    }
  }
  result.bytes = std::move(bytes);
  return result;
}

OnnxTensor fold_constant_of_shape(const ConstantOfShapeAttributes& attributes,
                                  const Constants& inputs) {
  const OnnxTensor& dims = input(inputs, 0);
  require(dims.dims.size() == 1, "expected a list of sizes, got {}", dims_text(dims.dims));
  OnnxTensor value = attributes.value.value_or(tensor_of({1}, std::vector{0.0f}));
  require(count_of(value.dims) == 1, "value: expected one element, got {}", dims_text(value.dims));
  value.dims = {};
  return expanded(value, few(dims));
}

OnnxTensor fold_expand(const NoAttributes&, const Constants& inputs) {
  const OnnxTensor& from = input(inputs, 0);
  return expanded(from, broadcast(from.dims, few(input(inputs, 1))));
}

OnnxTensor fold_gather(const AxisAttributes& attributes, const Constants& inputs) {
  const OnnxTensor &from = input(inputs, 0), &indices = input(inputs, 1);
  const std::size_t axis = axis_of(attributes.axis.value_or(0), from.dims.size());
  const Dims apart = strides_of(from.dims);
  Dims dims(from.dims.begin(), from.dims.begin() + static_cast<std::ptrdiff_t>(axis));
  dims.insert(dims.end(), indices.dims.begin(), indices.dims.end());
  dims.insert(dims.end(), from.dims.begin() + static_cast<std::ptrdiff_t>(axis) + 1,
              from.dims.end());
  OnnxTensor result{.name = {}, .type = from.type, .dims = dims, .bytes = {}};
  if (count_of(dims, elements_of(from)) == 0) return result;
  const std::size_t size = element_bytes(from.type);
  const std::size_t slice = static_cast<std::size_t>(apart[axis]) * size;
  const std::size_t row = static_cast<std::size_t>(from.dims[axis]) * slice;
  const Dims positions = integers(indices);
  std::vector<std::byte> bytes;
  for (auto begin = from.bytes.begin(); begin != from.bytes.end();
       begin += static_cast<std::ptrdiff_t>(row)) {
    for (const std::int64_t position : positions) {
      const auto at =
          begin + static_cast<std::ptrdiff_t>(
                      axis_of(position, static_cast<std::size_t>(from.dims[axis])) * slice);
      bytes.insert(bytes.end(), at, at + static_cast<std::ptrdiff_t>(slice));
    }
  }
  result.bytes = std::move(bytes);
  return result;
}

OnnxTensor fold_reshape(const ReshapeAttributes& attributes, const Constants& inputs) {
  const OnnxTensor& from = input(inputs, 0);
  Dims dims = few(input(inputs, 1));
  for (std::size_t i = 0; i < dims.size() && attributes.allowzero == 0; ++i) {
    if (dims[i] == 0 && i < from.dims.size()) dims[i] = from.dims[i];
  }
  if (const auto open = std::ranges::find(dims, -1); open != dims.end()) {
    *open = 1;
    const std::int64_t known = count_of(dims, elements_of(from));
    require(known > 0, "shape: expected sizes of at least 1 next to -1, got {}", dims_text(dims));
    *open = elements_of(from) / known;
  }
  return with_dims(from, std::move(dims));
}

OnnxTensor fold_shape(const ShapeAttributes& attributes, const Constants& inputs) {
  const Dims dims = shape_of(attributes, input(inputs, 0).dims);
  return tensor_of({std::ssize(dims)}, dims);
}

OnnxTensor fold_size(const NoAttributes&, const Constants& inputs) {
  return tensor_of({}, std::vector{elements_of(input(inputs, 0))});
}

OnnxTensor fold_slice(const SliceAttributes& attributes, const Constants& inputs) {
  const OnnxTensor& from = input(inputs, 0);
  const auto list = [&](std::size_t i, const Dims& fallback) {
    return has_input(inputs, i) ? few(*inputs[i]) : fallback;
  };
  const Dims starts = list(1, attributes.starts), ends = list(2, attributes.ends);
  Dims axes(starts.size());
  std::iota(axes.begin(), axes.end(), 0);
  axes = list(3, attributes.axes.value_or(axes));
  const Dims steps = list(4, Dims(starts.size(), 1)), apart = strides_of(from.dims);
  require(
      ends.size() == starts.size() && axes.size() == starts.size() && steps.size() == starts.size(),
      "expected equal numbers of starts, ends, axes and steps, got {}, {}, {} and {}",
      starts.size(), ends.size(), axes.size(), steps.size());
  std::vector<Walk> walks;
  for (std::size_t i = 0; i < apart.size(); ++i) walks.push_back({from.dims[i], 0, apart[i]});
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::size_t axis = axis_of(axes[i], apart.size());
    walks[axis] = slice_walk(from.dims[axis], starts[i], ends[i], steps[i], apart[axis]);
  }
  return walked(from, walks);
}

OnnxTensor fold_squeeze(const AxesAttributes& attributes, const Constants& inputs) {
  const OnnxTensor& from = input(inputs, 0);
  const Dims axes = axes_of(attributes, inputs, from.dims.size());
  Dims dims;
  for (std::size_t i = 0; i < from.dims.size(); ++i) {
    const bool named = std::ranges::find(axes, static_cast<std::int64_t>(i)) != axes.end();
    if (!(named || (axes.empty() && from.dims[i] == 1))) dims.push_back(from.dims[i]);
  }
  return with_dims(from, std::move(dims));
}

OnnxTensor fold_tile(const NoAttributes&, const Constants& inputs) {
  const OnnxTensor& from = input(inputs, 0);
  const Dims repeats = few(input(inputs, 1)), apart = strides_of(from.dims);
  require(repeats.size() == from.dims.size(), "expected a number of repeats for each axis, got {}",
          dims_text(repeats));
  std::vector<Walk> walks;
  Dims dims;
  for (std::size_t i = 0; i < repeats.size(); ++i) {
    walks.push_back({repeats[i], 0, 0});
    walks.push_back({from.dims[i], 0, apart[i]});
  }
  OnnxTensor result = walked(from, walks);
  for (std::size_t i = 0; i < repeats.size(); ++i) dims.push_back(repeats[i] * from.dims[i]);
  result.dims = std::move(dims);
  return result;
}

OnnxTensor fold_transpose(const TransposeAttributes& attributes, const Constants& inputs) {
  const OnnxTensor& from = input(inputs, 0);
  const std::size_t rank = from.dims.size();
  Dims sorted(rank);
  std::iota(sorted.begin(), sorted.end(), 0);
  const Dims axes = attributes.perm.value_or(Dims(sorted.rbegin(), sorted.rend()));
  require(std::ranges::is_permutation(axes, sorted), "perm: expected each of {} axes once, got {}",
          rank, dims_text(axes));
  const Dims apart = strides_of(from.dims);
  std::vector<Walk> walks;
  for (const std::int64_t axis : axes) {
    const auto i = static_cast<std::size_t>(axis);
    walks.push_back({from.dims[i], 0, apart[i]});
  }
  return walked(from, walks);
}

OnnxTensor fold_unsqueeze(const AxesAttributes& attributes, const Constants& inputs) {
  const OnnxTensor& from = input(inputs, 0);
  const std::size_t added =
      has_input(inputs, 1) ? few(*inputs[1]).size() : attributes.axes.value_or(Dims{}).size();
  Dims dims = from.dims;
  for (const std::int64_t axis : axes_of(attributes, inputs, dims.size() + added))
    dims.insert(dims.begin() + axis, 1);
  return with_dims(from, std::move(dims));
}

}  // namespace quench::onnx
