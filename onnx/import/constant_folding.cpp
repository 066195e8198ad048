#include "onnx/import/constant_folding.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "onnx/import/attributes.h"
#include "onnx/import/sizes.h"
#include "support/error.h"

namespace quench::onnx_network {
namespace {

using Dims = std::vector<std::int64_t>;

const OnnxTensor& input(const Constants& inputs, std::size_t i) {
  require(i < inputs.size() && inputs[i] != nullptr, "expected an input {}, got none", i + 1);
  return *inputs[i];
}

bool has_input(const Constants& inputs, std::size_t i) {
  return i < inputs.size() && inputs[i] != nullptr;
}

/// A list of sizes: what makes more of its elements has to be one.
Dims few(const OnnxTensor& tensor) {
  Dims values = integers(tensor);
  require_few(values);
  return values;
}

/// -1 for more than there can be.
std::int64_t count(const OnnxTensor& tensor) {
  std::int64_t result = 1;
  for (const std::int64_t dim : tensor.dims) {
    if (dim > 0 && result > std::numeric_limits<std::int64_t>::max() / dim) return -1;
    result *= dim;
  }
  return result;
}

/// An axis counted from 0. @throws std::invalid_argument  if there is none such
std::size_t axis_of(std::int64_t axis, std::size_t rank) {
  const auto size = static_cast<std::int64_t>(rank);
  require(axis >= -size && axis < size, "axis: expected {} to {}, got {}", -size, size - 1, axis);
  return static_cast<std::size_t>(axis < 0 ? axis + size : axis);
}

Dims axes_of(const OnnxNode& node, const Constants& inputs, std::size_t rank) {
  Dims axes = has_input(inputs, 1) ? few(*inputs[1]) : attribute(node, "axes", Dims{});
  for (std::int64_t& axis : axes) axis = static_cast<std::int64_t>(axis_of(axis, rank));
  std::ranges::sort(axes);
  return axes;
}

/// One axis of an array: how many are taken, from which place on, and how far apart in the source.
struct Walk {
  std::int64_t size, start, step;
};

/// The elements of `from` by walks through its axes, outermost first; starts and steps in elements.
OnnxTensor walked(const OnnxTensor& from, const std::vector<Walk>& walks) {
  OnnxTensor result{.name = {}, .type = from.type, .dims = {}, .bytes = {}};
  std::vector<std::int64_t> places{0};
  for (const Walk& walk : walks) {
    result.dims.push_back(walk.size);
    std::vector<std::int64_t> next;
    for (const std::int64_t place : places) {
      for (std::int64_t i = 0; i < walk.size; ++i)
        next.push_back(place + walk.start + i * walk.step);
    }
    places = std::move(next);
  }
  const std::int64_t elements = count(from);
  const std::size_t size =
      elements > 0 ? from.bytes.size() / static_cast<std::size_t>(elements) : 0;
  result.bytes.resize(places.size() * size);
  for (std::size_t i = 0; i < places.size(); ++i)
    std::memcpy(result.bytes.data() + i * size,
                from.bytes.data() + static_cast<std::size_t>(places[i]) * size, size);
  return result;
}

/// Of each axis, how far apart its neighbours lie.
std::vector<std::int64_t> strides(const Dims& dims) {
  std::vector<std::int64_t> result(dims.size(), 1);
  for (std::size_t i = dims.size(); i-- > 1;) result[i - 1] = result[i] * dims[i];
  return result;
}

OnnxTensor with_dims(const OnnxTensor& tensor, Dims dims) {
  OnnxTensor result = tensor;
  result.dims = std::move(dims);
  require(count(result) == count(tensor), "shape: expected the {} numbers of '{}', got {}",
          count(tensor), tensor.name, dims_text(result.dims));
  return result;
}

OnnxTensor fold_identity(const OnnxNode&, const Constants& inputs) { return input(inputs, 0); }

OnnxTensor fold_cast(const OnnxNode& node, const Constants& inputs) {
  const OnnxTensor& from = input(inputs, 0);
  const std::int64_t to = attribute(node, "to", std::int64_t{0});
  constexpr std::array<std::int64_t, 4> kFloats{1, 10, 11, 16};  // any width is kept as f32
  constexpr std::array<std::int64_t, 3> kIntegers{6, 7, 9};      // and s64
  const bool same =
      std::ranges::find(kFloats, to) != kFloats.end()
          ? from.type == OnnxType::f32
          : from.type == OnnxType::s64 && std::ranges::find(kIntegers, to) != kIntegers.end();
  require(same, "to: expected floats of floats or integers of integers, got type {}", to);
  return from;
}

OnnxTensor fold_concat(const OnnxNode& node, const Constants& inputs) {
  require(attribute(node, "axis", std::int64_t{0}) == 0, "axis: expected 0, of lists of sizes");
  Dims all;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Dims part = few(input(inputs, i));
    all.insert(all.end(), part.begin(), part.end());
    require_few(all);
  }
  return integer_tensor({std::ssize(all)}, all);
}

OnnxTensor fold_constant_of_shape(const OnnxNode& node, const Constants& inputs) {
  const Dims dims = few(input(inputs, 0));
  require(dims.size() == 1 && dims[0] >= 0 && dims[0] <= kMostSizes,
          "expected a list of at most {} sizes, got {}", kMostSizes, dims_text(dims));
  std::int64_t value = 0;
  if (const auto found = node.attributes.find("value"); found != node.attributes.end()) {
    const auto* tensor = std::get_if<OnnxTensor>(&found->second);
    require(tensor != nullptr && tensor->type == OnnxType::s64 && count(*tensor) == 1,
            "value: expected one integer");
    value = integers(*tensor)[0];
  }
  return integer_tensor(dims, Dims(static_cast<std::size_t>(dims[0]), value));
}

OnnxTensor fold_gather(const OnnxNode& node, const Constants& inputs) {
  const Dims from = few(input(inputs, 0)), indices = few(input(inputs, 1));
  require(attribute(node, "axis", std::int64_t{0}) == 0, "axis: expected 0, of a list of sizes");
  Dims result;
  for (const std::int64_t index : indices) result.push_back(from[axis_of(index, from.size())]);
  return integer_tensor(inputs[1]->dims, result);
}

OnnxTensor fold_reshape(const OnnxNode&, const Constants& inputs) {
  const OnnxTensor& from = input(inputs, 0);
  Dims dims = few(input(inputs, 1));
  std::int64_t known = 1;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 0 && i < from.dims.size()) dims[i] = from.dims[i];
    if (dims[i] > 0 && known <= std::numeric_limits<std::int64_t>::max() / dims[i])
      known *= dims[i];
  }
  if (const auto open = std::ranges::find(dims, -1); open != dims.end())
    *open = count(from) / known;
  require(std::ranges::all_of(dims, [](std::int64_t d) { return d >= 1; }) && dims.size() <= 8,
          "shape: expected sizes of at least 1, got {}", dims_text(dims));
  return with_dims(from, std::move(dims));
}

OnnxTensor fold_squeeze(const OnnxNode& node, const Constants& inputs) {
  const OnnxTensor& from = input(inputs, 0);
  const Dims axes = axes_of(node, inputs, from.dims.size());
  Dims dims;
  for (std::size_t i = 0; i < from.dims.size(); ++i) {
    const bool named = std::ranges::find(axes, static_cast<std::int64_t>(i)) != axes.end();
    if (!(named || (axes.empty() && from.dims[i] == 1))) dims.push_back(from.dims[i]);
  }
  return with_dims(from, std::move(dims));
}

OnnxTensor fold_unsqueeze(const OnnxNode& node, const Constants& inputs) {
  const OnnxTensor& from = input(inputs, 0);
  const std::size_t added =
      has_input(inputs, 1) ? few(*inputs[1]).size() : attribute(node, "axes", Dims{}).size();
  require(added <= 8, "axes: expected at most 8, got {}", added);
  Dims dims = from.dims;
  for (const std::int64_t axis : axes_of(node, inputs, dims.size() + added)) {
    require(axis <= std::ssize(dims), "axes: expected each once, got {} twice", axis);
    dims.insert(dims.begin() + axis, 1);
  }
  return with_dims(from, std::move(dims));
}

OnnxTensor fold_slice(const OnnxNode& node, const Constants& inputs) {
  const OnnxTensor& from = input(inputs, 0);
  require_few(few(from));
  const auto list = [&](std::size_t i, const char* name, const Dims& fallback) {
    return has_input(inputs, i) ? few(*inputs[i]) : attribute(node, name, fallback);
  };
  const Dims starts = list(1, "starts", {}), ends = list(2, "ends", {});
  Dims axes(starts.size()), ones(starts.size(), 1);
  for (std::size_t i = 0; i < axes.size(); ++i) axes[i] = static_cast<std::int64_t>(i);
  axes = list(3, "axes", axes);
  const Dims steps = list(4, "steps", ones), apart = strides(from.dims);
  require(
      ends.size() == starts.size() && axes.size() == starts.size() && steps.size() == starts.size(),
      "expected as many starts, ends, axes and steps");
  std::vector<Walk> walks;
  for (std::size_t i = 0; i < apart.size(); ++i) walks.push_back({from.dims[i], 0, apart[i]});
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::size_t axis = axis_of(axes[i], apart.size());
    const std::int64_t size = from.dims[axis], step = steps[i];
    require(step == 1 || step == -1, "steps: expected 1 or -1, got {}", step);
    const auto place = [&](std::int64_t at) {
      return std::clamp<std::int64_t>(at < 0 ? std::max(at, -size - 1) + size : at, -1, size);
    };
    const std::int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
    const std::int64_t start = std::clamp(place(starts[i]), low, high);
    const std::int64_t end = std::clamp(place(ends[i]), low, high);
    walks[axis] = {std::max<std::int64_t>((end - start) * step, 0), start * apart[axis],
                   step * apart[axis]};
  }
  return walked(from, walks);
}

OnnxTensor fold_transpose(const OnnxNode& node, const Constants& inputs) {
  const OnnxTensor& from = input(inputs, 0);
  const std::size_t rank = from.dims.size();
  Dims reversed(rank);
  for (std::size_t i = 0; i < rank; ++i) reversed[i] = static_cast<std::int64_t>(rank - 1 - i);
  const Dims axes = attribute(node, "perm", reversed), apart = strides(from.dims);
  Dims sorted = axes;
  std::ranges::sort(sorted);
  std::ranges::reverse(reversed);
  require(sorted == reversed, "perm: expected each of {} axes once, got {}", rank, dims_text(axes));
  std::vector<Walk> walks;
  for (const std::int64_t axis : axes) {
    const auto i = static_cast<std::size_t>(axis);
    walks.push_back({from.dims[i], 0, apart[i]});
  }
  return walked(from, walks);
}

struct Entry {
  std::string_view op;
  Fold fold;
};

constexpr std::array kFolds{
    Entry{"Cast", fold_cast},
    Entry{"Concat", fold_concat},
    Entry{"ConstantOfShape", fold_constant_of_shape},
    Entry{"Gather", fold_gather},
    Entry{"Identity", fold_identity},
    Entry{"Reshape", fold_reshape},
    Entry{"Slice", fold_slice},
    Entry{"Squeeze", fold_squeeze},
    Entry{"Transpose", fold_transpose},
    Entry{"Unsqueeze", fold_unsqueeze},
};

}  // namespace

Fold find_fold(std::string_view op) {
  for (const Entry& entry : kFolds) {
    if (entry.op == op) return entry.fold;
  }
  return nullptr;
}

}  // namespace quench::onnx_network
