#include "onnx/import/arrays.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "support/error.h"

namespace quench::onnx {
namespace {

constexpr std::int64_t kMaxElements = std::int64_t{1} << 22;
constexpr std::int64_t kMostSizes = 64;

}  // namespace

std::size_t element_bytes(OnnxType type) {
  return type == OnnxType::f32 ? sizeof(float) : is_code(type) ? 1 : sizeof(std::int64_t);
}

Dims any_integers(const OnnxTensor& tensor) {
  if (tensor.type == OnnxType::s64 || tensor.type == OnnxType::f32) return integers(tensor);
  const bool is_unsigned = tensor.type == OnnxType::u8 || tensor.type == OnnxType::u4;
  Dims result;
  for (const std::byte byte : tensor.bytes) {
    const auto code = std::to_integer<std::uint8_t>(byte);
    result.push_back(is_unsigned ? code : static_cast<std::int8_t>(code));
  }
  return result;
}

std::int64_t only_integer(const OnnxTensor& tensor) {
  const Dims values = any_integers(tensor);
  require(values.size() == 1, "'{}': expected one value, got {}", tensor.name, values.size());
  return values[0];
}

OnnxTensor codes_of(OnnxType type, Dims dims, const Dims& values) {
  std::vector<std::byte> bytes;
  for (const std::int64_t value : values) bytes.push_back(static_cast<std::byte>(value));
  return {.name = {}, .type = type, .dims = std::move(dims), .bytes = std::move(bytes)};
}

std::int64_t elements_of(const OnnxTensor& tensor) {
  return static_cast<std::int64_t>(tensor.bytes.size() / element_bytes(tensor.type));
}

bool has_input(const Constants& inputs, std::size_t i) {
  return i < inputs.size() && inputs[i] != nullptr;
}

const OnnxTensor& input(const Constants& inputs, std::size_t i) {
  require(has_input(inputs, i), "expected an input {}, got none", i + 1);
  return *inputs[i];
}

void require_few(const Dims& sizes) {
  require(std::ssize(sizes) <= kMostSizes, "expected at most {} sizes, got {}", kMostSizes,
          sizes.size());
}

Dims few(const OnnxTensor& tensor) {
  Dims values = integers(tensor);
  require_few(values);
  return values;
}

std::size_t axis_of(std::int64_t axis, std::size_t rank) {
  const auto size = static_cast<std::int64_t>(rank);
  require(axis >= -size && axis < size, "axis: expected {} to {}, got {}", -size, size - 1, axis);
  return static_cast<std::size_t>(axis < 0 ? axis + size : axis);
}

Dims axes_of(const AxesAttributes& attributes, const Constants& inputs, std::size_t rank) {
  Dims axes = has_input(inputs, 1) ? few(*inputs[1]) : attributes.axes.value_or(Dims{});
  for (std::int64_t& axis : axes) axis = static_cast<std::int64_t>(axis_of(axis, rank));
  std::ranges::sort(axes);
  require(std::ranges::adjacent_find(axes) == axes.end(), "axes: expected distinct axes, got {}",
          dims_text(axes));
  return axes;
}

std::int64_t count_of(const Dims& dims, std::int64_t most) {
  most = std::max(most, kMaxElements);
  require_few(dims);
  std::int64_t count = 1;
  bool empty = false;
  for (const std::int64_t dim : dims) {
    require(dim >= 0, "expected dims of at least 0, got {}", dims_text(dims));
    empty = empty || dim == 0;
    // Checked for empty tensors too, so that strides fit.
    const std::int64_t size = std::max<std::int64_t>(dim, 1);
    require(count <= most / size, "expected a constant of at most {} elements, got dims {}", most,
            dims_text(dims));
    count *= size;
  }
  return empty ? 0 : count;
}

Dims strides_of(const Dims& dims) {
  Dims result(dims.size(), 1);
  for (std::size_t i = dims.size(); i-- > 1;) result[i - 1] = result[i] * dims[i];
  return result;
}

Dims broadcast(const Dims& a, const Dims& b) {
  Dims result = a.size() >= b.size() ? a : b;
  const Dims& other = a.size() >= b.size() ? b : a;
  const std::size_t ahead = result.size() - other.size();
  for (std::size_t i = 0; i < other.size(); ++i) {
    std::int64_t& size = result[ahead + i];
    require(size == other[i] || size == 1 || other[i] == 1,
            "expected sizes that broadcast together, got {} and {}", dims_text(a), dims_text(b));
    if (size == 1) size = other[i];
  }
  return result;
}

OnnxTensor expanded(const OnnxTensor& tensor, const Dims& dims, std::int64_t most) {
  if (tensor.dims == dims) return tensor;
  const std::size_t ahead = dims.size() - tensor.dims.size();
  const Dims apart = strides_of(tensor.dims);
  std::vector<Walk> walks;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const bool repeated = i < ahead || tensor.dims[i - ahead] == 1;
    walks.push_back({dims[i], 0, repeated ? 0 : apart[i - ahead]});
  }
  return walked(tensor, walks, most);
}

OnnxTensor with_dims(const OnnxTensor& tensor, Dims dims) {
  require(count_of(dims, elements_of(tensor)) == elements_of(tensor),
          "shape: expected the {} values of '{}', got {}", elements_of(tensor), tensor.name,
          dims_text(dims));
  OnnxTensor result = tensor;
  result.dims = std::move(dims);
  return result;
}

OnnxTensor walked(const OnnxTensor& from, const std::vector<Walk>& walks, std::int64_t most) {
  OnnxTensor result{.name = {}, .type = from.type, .dims = {}, .bytes = {}};
  for (const Walk& walk : walks) result.dims.push_back(walk.size);
  const std::int64_t count = count_of(result.dims, std::max(most, elements_of(from)));
  const std::size_t size = element_bytes(from.type);
  std::vector<std::byte> bytes(static_cast<std::size_t>(count) * size);
  std::int64_t place = 0;
  for (const Walk& walk : walks) place += walk.start;
  Dims at(walks.size(), 0);
  for (std::int64_t i = 0; i < count; ++i) {
    std::memcpy(bytes.data() + static_cast<std::size_t>(i) * size,
                from.bytes.data() + static_cast<std::size_t>(place) * size, size);
    // Advances to the next position like an odometer.
    for (std::size_t axis = walks.size(); axis-- > 0;) {
      place += walks[axis].step;
      if (++at[axis] < walks[axis].size) break;
      place -= walks[axis].step * walks[axis].size;
      at[axis] = 0;
    }
  }
  result.bytes = std::move(bytes);
  return result;
}

}  // namespace quench::onnx
