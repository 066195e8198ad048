#include "onnx/import/reference.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <stdexcept>
#include <string>

namespace quench::onnx {
namespace {

using Dims = std::vector<std::int64_t>;
using Tensors = std::vector<const ReferenceTensor*>;

std::int64_t count(const Dims& dims) {
  return std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>());
}

/// The position of element `i`, axis by axis.
Dims place(std::int64_t i, const Dims& dims) {
  Dims at(dims.size());
  for (std::size_t axis = dims.size(); axis-- > 0;) {
    at[axis] = i % dims[axis];
    i /= dims[axis];
  }
  return at;
}

std::int64_t index(const Dims& at, const Dims& dims) {
  std::int64_t i = 0;
  for (std::size_t axis = 0; axis < dims.size(); ++axis) i = i * dims[axis] + at[axis];
  return i;
}

ReferenceTensor make(Dims dims, const std::function<double(const Dims&)>& value) {
  ReferenceTensor result{std::move(dims), {}};
  for (std::int64_t i = 0; i < count(result.dims); ++i)
    result.values.push_back(value(place(i, result.dims)));
  return result;
}

double get(const ReferenceTensor& x, const Dims& at) {
  return x.values[static_cast<std::size_t>(index(at, x.dims))];
}

template <typename T>
T attribute(const OnnxNode& node, const char* name, T fallback) {
  const auto found = node.attributes.find(name);
  return found == node.attributes.end() ? fallback : std::get<T>(found->second);
}

Dims integers(const ReferenceTensor& x) { return {x.values.begin(), x.values.end()}; }

Dims axes_of(const OnnxNode& node, const Tensors& in, std::int64_t rank) {
  Dims axes = in.size() > 1 ? integers(*in[1]) : attribute(node, "axes", Dims{});
  for (std::int64_t& axis : axes) axis += axis < 0 ? rank : 0;
  return axes;
}

ReferenceTensor map(const ReferenceTensor& x, const std::function<double(double)>& f) {
  ReferenceTensor result = x;
  std::ranges::transform(result.values, result.values.begin(), f);
  return result;
}

ReferenceTensor broadcast(const ReferenceTensor& a, const ReferenceTensor& b,
                          const std::function<double(double, double)>& f) {
  const std::size_t rank = std::max(a.dims.size(), b.dims.size());
  const auto padded = [rank](const ReferenceTensor& x) {
    ReferenceTensor result = x;
    result.dims.insert(result.dims.begin(), rank - x.dims.size(), 1);
    return result;
  };
  const ReferenceTensor x = padded(a), y = padded(b);
  Dims dims(rank);
  for (std::size_t i = 0; i < rank; ++i) dims[i] = std::max(x.dims[i], y.dims[i]);
  const auto pick = [](const ReferenceTensor& t, Dims at) {
    for (std::size_t i = 0; i < at.size(); ++i) at[i] = t.dims[i] == 1 ? 0 : at[i];
    return get(t, at);
  };
  return make(dims, [&](const Dims& at) { return f(pick(x, at), pick(y, at)); });
}

/// For one axis: the start of each window, with pads from the attributes.
struct Windows {
  std::int64_t size, kernel, stride, dilation, before, outputs;

  Windows(const OnnxNode& node, std::size_t axis, std::int64_t size_in, std::int64_t kernel_in)
      : size(size_in), kernel(kernel_in) {
    stride = attribute(node, "strides", Dims{1, 1})[axis];
    dilation = attribute(node, "dilations", Dims{1, 1})[axis];
    const std::int64_t reach = dilation * (kernel - 1) + 1;
    const Dims pads = attribute(node, "pads", Dims{0, 0, 0, 0});
    const auto automatic = attribute(node, "auto_pad", std::string("NOTSET"));
    before = pads[axis];
    std::int64_t after = pads[axis + 2];
    if (automatic.starts_with("SAME")) {
      outputs = (size + stride - 1) / stride;
      const std::int64_t total = std::max<std::int64_t>((outputs - 1) * stride + reach - size, 0);
      before = automatic == "SAME_UPPER" ? total / 2 : (total + 1) / 2;
      return;
    }
    const std::int64_t rest = size + before + after - reach;
    outputs = rest / stride + 1;
    // Another window for the remaining pixels, unless it would begin after them.
    const bool more = attribute(node, "ceil_mode", std::int64_t{0}) != 0 && rest % stride != 0;
    if (more && outputs * stride < size + before) ++outputs;
  }
  std::int64_t at(std::int64_t output, std::int64_t k) const {
    return output * stride + k * dilation - before;
  }
  bool inside(std::int64_t y) const { return y >= 0 && y < size; }
};

/// Calls visit(y, x, ky, kx) for the pixels of a window inside the image.
template <typename Visit>
void visit_window(const Windows& rows, const Windows& columns, const Dims& at, Visit visit) {
  for (std::int64_t ky = 0; ky < rows.kernel; ++ky)
    for (std::int64_t kx = 0; kx < columns.kernel; ++kx) {
      const std::int64_t y = rows.at(at[2], ky), x = columns.at(at[3], kx);
      if (rows.inside(y) && columns.inside(x)) visit(y, x, ky, kx);
    }
}

ReferenceTensor conv(const OnnxNode& node, const Tensors& in) {
  const ReferenceTensor &x = *in[0], &w = *in[1];
  const Windows rows(node, 0, x.dims[2], w.dims[2]), columns(node, 1, x.dims[3], w.dims[3]);
  const std::int64_t groups = attribute(node, "group", std::int64_t{1});
  const std::int64_t outputs = w.dims[0] / groups, inputs = w.dims[1];
  return make({x.dims[0], w.dims[0], rows.outputs, columns.outputs}, [&](const Dims& at) {
    double sum = in.size() > 2 ? in[2]->values[static_cast<std::size_t>(at[1])] : 0.0;
    for (std::int64_t c = 0; c < inputs; ++c)
      visit_window(rows, columns, at, [&](auto y, auto xx, auto ky, auto kx) {
        sum += get(x, {at[0], at[1] / outputs * inputs + c, y, xx}) * get(w, {at[1], c, ky, kx});
      });
    return sum;
  });
}

/// Each value of the image times the weights, added to its window.
ReferenceTensor conv_transpose(const OnnxNode& node, const Tensors& in) {
  const ReferenceTensor &x = *in[0], &w = *in[1];
  const std::int64_t groups = attribute(node, "group", std::int64_t{1});
  const Dims strides = attribute(node, "strides", Dims{1, 1}),
             dilations = attribute(node, "dilations", Dims{1, 1}),
             more = attribute(node, "output_padding", Dims{0, 0});
  Dims pads = attribute(node, "pads", Dims{0, 0, 0, 0});
  const auto automatic = attribute(node, "auto_pad", std::string("NOTSET"));
  const bool same = automatic.starts_with("SAME");
  Dims result =
      attribute(node, "output_shape", Dims{x.dims[2] * strides[0], x.dims[3] * strides[1]});
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t full =
        strides[i] * (x.dims[i + 2] - 1) + more[i] + dilations[i] * (w.dims[i + 2] - 1) + 1;
    if (same || node.attributes.contains("output_shape")) {
      const std::int64_t total = full - result[i];
      pads[i] = automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
      pads[i + 2] = total - pads[i];
    }
    result[i] = full - pads[i] - pads[i + 2];
  }
  ReferenceTensor y{{x.dims[0], w.dims[1] * groups, result[0], result[1]}, {}};
  y.values.assign(static_cast<std::size_t>(count(y.dims)), 0.0);
  for (std::int64_t i = 0; i < count(x.dims); ++i) {
    const Dims at = place(i, x.dims);
    const std::int64_t group = at[1] / (x.dims[1] / groups);
    for (std::int64_t k = 0; k < count(w.dims) / w.dims[0]; ++k) {
      const Dims tap = place(k, {w.dims[1], w.dims[2], w.dims[3]});
      const std::int64_t row = at[2] * strides[0] + tap[1] * dilations[0] - pads[0],
                         column = at[3] * strides[1] + tap[2] * dilations[1] - pads[1];
      if (row < 0 || row >= result[0] || column < 0 || column >= result[1]) continue;
      y.values[static_cast<std::size_t>(
          index({at[0], group * w.dims[1] + tap[0], row, column}, y.dims))] +=
          get(x, at) * get(w, {at[1], tap[0], tap[1], tap[2]});
    }
  }
  if (in.size() > 2)
    for (std::int64_t i = 0; i < count(y.dims); ++i)
      y.values[static_cast<std::size_t>(i)] +=
          in[2]->values[static_cast<std::size_t>(place(i, y.dims)[1])];
  return y;
}

/// f of a node with windows, of lines [N, C, L] as images of one row.
ReferenceTensor of_lines(OnnxNode node, const Tensors& in,
                         const std::function<ReferenceTensor(const OnnxNode&, const Tensors&)>& f) {
  if (in[0]->dims.size() != 3) return f(node, in);
  for (const char* name :
       {"kernel_shape", "strides", "dilations", "pads", "output_padding", "output_shape"}) {
    const auto found = node.attributes.find(name);
    if (found == node.attributes.end()) continue;
    const bool zeros = std::string(name) == "pads" || std::string(name) == "output_padding";
    Dims both;
    for (const std::int64_t size : std::get<Dims>(found->second))
      both.insert(both.end(), {zeros ? 0 : 1, size});
    found->second = both;
  }
  std::vector<ReferenceTensor> rows;
  for (const ReferenceTensor* x : in) {
    rows.push_back(*x);
    if (x->dims.size() == 3) rows.back().dims.insert(rows.back().dims.begin() + 2, 1);
  }
  Tensors inputs;
  for (const ReferenceTensor& x : rows) inputs.push_back(&x);
  ReferenceTensor result = f(node, inputs);
  result.dims.erase(result.dims.begin() + 2);
  return result;
}

ReferenceTensor pool(const OnnxNode& node, const Tensors& in, bool largest) {
  const ReferenceTensor& x = *in[0];
  const Dims kernel = attribute(node, "kernel_shape", Dims{});
  const Windows rows(node, 0, x.dims[2], kernel[0]), columns(node, 1, x.dims[3], kernel[1]);
  const bool all = attribute(node, "count_include_pad", std::int64_t{0}) != 0;
  return make({x.dims[0], x.dims[1], rows.outputs, columns.outputs}, [&](const Dims& at) {
    double sum = 0.0, most = -std::numeric_limits<double>::infinity(), places = 0.0;
    visit_window(rows, columns, at, [&](auto y, auto xx, auto, auto) {
      const double value = get(x, {at[0], at[1], y, xx});
      sum += value;
      most = std::max(most, value);
      places += 1.0;
    });
    return largest ? most : sum / (all ? static_cast<double>(kernel[0] * kernel[1]) : places);
  });
}

/// `f` of the values whose positions differ only in the axes.
ReferenceTensor reduce(const ReferenceTensor& x, const Dims& axes, bool keep,
                       const std::function<double(const std::vector<double>&)>& f) {
  Dims kept = x.dims, dims;
  for (const std::int64_t axis : axes) kept[static_cast<std::size_t>(axis)] = 1;
  std::vector<std::vector<double>> numbers(static_cast<std::size_t>(count(kept)));
  for (std::int64_t i = 0; i < count(x.dims); ++i) {
    Dims at = place(i, x.dims);
    for (const std::int64_t axis : axes) at[static_cast<std::size_t>(axis)] = 0;
    numbers[static_cast<std::size_t>(index(at, kept))].push_back(
        x.values[static_cast<std::size_t>(i)]);
  }
  for (std::size_t axis = 0; axis < kept.size(); ++axis) {
    const bool reduced = std::ranges::find(axes, static_cast<std::int64_t>(axis)) != axes.end();
    if (keep || !reduced) dims.push_back(kept[axis]);
  }
  ReferenceTensor result{dims, {}};
  for (const std::vector<double>& each : numbers) result.values.push_back(f(each));
  return result;
}

double sum_of(const std::vector<double>& x) { return std::accumulate(x.begin(), x.end(), 0.0); }
double mean_of(const std::vector<double>& x) { return sum_of(x) / static_cast<double>(x.size()); }
double length_of(const std::vector<double>& x) {
  return std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0));
}
double largest_of(const std::vector<double>& x) { return *std::ranges::max_element(x); }

ReferenceTensor gemm(const OnnxNode& node, const Tensors& in) {
  const ReferenceTensor &a = *in[0], &b = *in[1];
  const bool transposed = attribute(node, "transB", std::int64_t{0}) != 0;
  const double alpha = attribute(node, "alpha", 1.0f), beta = attribute(node, "beta", 1.0f);
  ReferenceTensor product = make({a.dims[0], b.dims[transposed ? 0 : 1]}, [&](const Dims& at) {
    double sum = 0.0;
    for (std::int64_t k = 0; k < a.dims[1]; ++k)
      sum += get(a, {at[0], k}) * get(b, transposed ? Dims{at[1], k} : Dims{k, at[1]});
    return alpha * sum;
  });
  if (in.size() < 3) return product;
  return broadcast(product, *in[2], [beta](double x, double c) { return x + beta * c; });
}

/// Over the last axis, with a matrix.
ReferenceTensor matmul(const Tensors& in) {
  const ReferenceTensor &a = *in[0], &b = *in[1];
  Dims dims = a.dims;
  dims.back() = b.dims[1];
  return make(dims, [&](Dims at) {
    const std::int64_t column = at.back();
    double sum = 0.0;
    for (at.back() = 0; at.back() < a.dims.back(); ++at.back())
      sum += get(a, at) * get(b, {at.back(), column});
    return sum;
  });
}

ReferenceTensor batch_norm(const OnnxNode& node, const Tensors& in) {
  const double eps = attribute(node, "epsilon", 1e-5f);
  return make(in[0]->dims, [&](const Dims& at) {
    const auto c = static_cast<std::size_t>(at[1]);
    return (get(*in[0], at) - in[3]->values[c]) / std::sqrt(in[4]->values[c] + eps) *
               in[1]->values[c] +
           in[2]->values[c];
  });
}

ReferenceTensor reshape(const OnnxNode&, const Tensors& in) {
  Dims dims = integers(*in[1]);
  for (std::size_t i = 0; i < dims.size(); ++i) dims[i] = dims[i] == 0 ? in[0]->dims[i] : dims[i];
  const auto open = std::ranges::find(dims, -1);
  if (open != dims.end()) {
    *open = 1;
    *open = count(in[0]->dims) / count(dims);
  }
  return {dims, in[0]->values};
}

ReferenceTensor transpose(const OnnxNode& node, const Tensors& in) {
  const Dims axes = attribute(node, "perm", Dims{});
  Dims dims;
  for (const std::int64_t axis : axes) dims.push_back(in[0]->dims[static_cast<std::size_t>(axis)]);
  return make(dims, [&](const Dims& at) {
    Dims from(at.size());
    for (std::size_t i = 0; i < at.size(); ++i) from[static_cast<std::size_t>(axes[i])] = at[i];
    return get(*in[0], from);
  });
}

ReferenceTensor concat(const OnnxNode& node, const Tensors& in) {
  std::int64_t axis = attribute(node, "axis", std::int64_t{0});
  axis += axis < 0 ? static_cast<std::int64_t>(in[0]->dims.size()) : 0;
  const auto a = static_cast<std::size_t>(axis);
  Dims dims = in[0]->dims;
  dims[a] = 0;
  for (const ReferenceTensor* part : in) dims[a] += part->dims[a];
  return make(dims, [&](Dims at) {
    std::size_t part = 0;
    while (at[a] >= in[part]->dims[a]) at[a] -= in[part++]->dims[a];
    return get(*in[part], at);
  });
}

ReferenceTensor pad(const OnnxNode& node, const Tensors& in) {
  const Dims pads = in.size() > 1 ? integers(*in[1]) : attribute(node, "pads", Dims{});
  const std::size_t rank = in[0]->dims.size();
  const auto mode = attribute(node, "mode", std::string("constant"));
  const double value = in.size() > 2 && in[2] != nullptr ? in[2]->values[0] : 0.0;
  Dims dims = in[0]->dims;
  for (std::size_t i = 0; i < rank; ++i) dims[i] += pads[i] + pads[i + rank];
  return make(dims, [&](Dims at) {
    for (std::size_t i = 0; i < rank; ++i) {
      at[i] -= pads[i];
      // Crops first.
      const std::int64_t low = std::max<std::int64_t>(-pads[i], 0);
      const std::int64_t high = in[0]->dims[i] + std::min<std::int64_t>(pads[i + rank], 0);
      if (at[i] >= low && at[i] < high) continue;
      if (mode == "constant") return value;
      if (mode == "edge") at[i] = at[i] < low ? low : high - 1;
      if (mode == "wrap") at[i] += at[i] < low ? high - low : low - high;
      if (mode == "reflect") at[i] = at[i] < low ? 2 * low - at[i] : 2 * (high - 1) - at[i];
    }
    return get(*in[0], at);
  });
}

/// Depth to space.
ReferenceTensor depth_to_space(const OnnxNode& node, const Tensors& in) {
  const auto block = attribute(node, "blocksize", std::int64_t{1});
  const bool blocks_first = attribute(node, "mode", std::string("DCR")) == "DCR";
  const Dims& dims = in[0]->dims;
  const std::int64_t channels = dims[1] / (block * block);
  return make({dims[0], channels, dims[2] * block, dims[3] * block}, [&](const Dims& at) {
    const std::int64_t part = at[2] % block * block + at[3] % block;
    const std::int64_t channel =
        blocks_first ? part * channels + at[1] : at[1] * block * block + part;
    return get(*in[0], {at[0], channel, at[2] / block, at[3] / block});
  });
}

ReferenceTensor space_to_depth(const OnnxNode& node, const Tensors& in) {
  const auto block = attribute(node, "blocksize", std::int64_t{1});
  const Dims& dims = in[0]->dims;
  return make({dims[0], dims[1] * block * block, dims[2] / block, dims[3] / block},
              [&](const Dims& at) {
                const std::int64_t part = at[1] / dims[1];
                return get(*in[0], {at[0], at[1] % dims[1], at[2] * block + part / block,
                                    at[3] * block + part % block});
              });
}

ReferenceTensor slice(const Tensors& in) {
  const Dims starts = integers(*in[1]), ends = integers(*in[2]), axes = integers(*in[3]);
  const Dims steps = in.size() > 4 ? integers(*in[4]) : Dims(starts.size(), 1);
  Dims dims = in[0]->dims, begin(dims.size(), 0), stride(dims.size(), 1);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<std::size_t>(axes[i]);
    const std::int64_t size = dims[axis];
    std::int64_t place = starts[i] < 0 ? starts[i] + size : starts[i];
    const std::int64_t end = ends[i] < -size ? -1 : ends[i] < 0 ? ends[i] + size : ends[i];
    begin[axis] = place;
    stride[axis] = steps[i];
    for (dims[axis] = 0; place >= 0 && place < size && (steps[i] > 0 ? place < end : place > end);
         place += steps[i])
      ++dims[axis];
  }
  return make(dims, [&](Dims at) {
    for (std::size_t i = 0; i < at.size(); ++i) at[i] = begin[i] + at[i] * stride[i];
    return get(*in[0], at);
  });
}

ReferenceTensor squeeze(const OnnxNode& node, const Tensors& in) {
  const Dims axes = axes_of(node, in, static_cast<std::int64_t>(in[0]->dims.size()));
  ReferenceTensor result{{}, in[0]->values};
  for (std::size_t i = 0; i < in[0]->dims.size(); ++i)
    if (std::ranges::find(axes, static_cast<std::int64_t>(i)) == axes.end())
      result.dims.push_back(in[0]->dims[i]);
  return result;
}

ReferenceTensor unsqueeze(const OnnxNode& node, const Tensors& in) {
  const auto added = static_cast<std::int64_t>(axes_of(node, in, 0).size());
  Dims axes = axes_of(node, in, static_cast<std::int64_t>(in[0]->dims.size()) + added);
  ReferenceTensor result = *in[0];
  std::ranges::sort(axes);
  for (const std::int64_t axis : axes) result.dims.insert(result.dims.begin() + axis, 1);
  return result;
}

ReferenceTensor clip(const OnnxNode& node, const Tensors& in) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  double low = attribute(node, "min", -std::numeric_limits<float>::max());
  double high = attribute(node, "max", std::numeric_limits<float>::max());
  if (in.size() > 1) low = in[1] != nullptr ? in[1]->values[0] : -kInfinity;
  if (in.size() > 2) high = in[2] != nullptr ? in[2]->values[0] : kInfinity;
  return map(*in[0], [=](double x) { return std::min(std::max(x, low), high); });
}

ReferenceTensor shape(const Tensors& in) {
  return {{static_cast<std::int64_t>(in[0]->dims.size())},
          {in[0]->dims.begin(), in[0]->dims.end()}};
}

ReferenceTensor gather(const OnnxNode& node, const Tensors& in) {
  const std::int64_t given = attribute(node, "axis", std::int64_t{0});
  const auto rank = static_cast<std::int64_t>(in[0]->dims.size());
  const auto axis = static_cast<std::size_t>(given < 0 ? given + rank : given);
  Dims dims = in[0]->dims;
  dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
  dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(axis), in[1]->dims.begin(),
              in[1]->dims.end());
  return make(dims, [&](const Dims& at) {
    const std::size_t used = in[1]->dims.size();
    Dims place(at.begin() + static_cast<std::ptrdiff_t>(axis),
               at.begin() + static_cast<std::ptrdiff_t>(axis + used));
    auto index = static_cast<std::int64_t>(get(*in[1], place));
    if (index < 0) index += in[0]->dims[axis];
    Dims from(at.begin(), at.begin() + static_cast<std::ptrdiff_t>(axis));
    from.push_back(index);
    from.insert(from.end(), at.begin() + static_cast<std::ptrdiff_t>(axis + used), at.end());
    return get(*in[0], from);
  });
}

ReferenceTensor split(const OnnxNode& node, const Tensors& in) {
  std::int64_t given = attribute(node, "axis", std::int64_t{0});
  given += given < 0 ? static_cast<std::int64_t>(in[0]->dims.size()) : 0;
  const auto axis = static_cast<std::size_t>(given);
  Dims sizes = in.size() > 1 ? integers(*in[1]) : attribute(node, "split", Dims{});
  const std::int64_t all = in[0]->dims[axis], parts = node.output_count;
  for (std::int64_t i = 0, left = all; sizes.size() < static_cast<std::size_t>(parts); ++i) {
    sizes.push_back(std::min((all + parts - 1) / parts, left));
    left -= sizes.back();
  }
  const auto part = sizes.begin() + node.output_index;
  const std::int64_t begin = std::accumulate(sizes.begin(), part, std::int64_t{0});
  Dims dims = in[0]->dims;
  dims[axis] = *part;
  return make(dims, [&](Dims at) {
    at[axis] += begin;
    return get(*in[0], at);
  });
}

ReferenceTensor expand(const Tensors& in) {
  const ReferenceTensor ones{integers(*in[1]), {}};
  const std::vector<double> values(static_cast<std::size_t>(count(ones.dims)), 1.0);
  return broadcast(*in[0], {ones.dims, values}, std::multiplies<>());
}

/// Folds `f` over all inputs.
ReferenceTensor of_all(const Tensors& in, const std::function<double(double, double)>& f) {
  ReferenceTensor result = *in[0];
  for (std::size_t i = 1; i < in.size(); ++i) result = broadcast(result, *in[i], f);
  return result;
}

ReferenceTensor lrn(const OnnxNode& node, const Tensors& in) {
  const auto size = attribute(node, "size", std::int64_t{1});
  const double alpha = attribute(node, "alpha", 1e-4f), beta = attribute(node, "beta", 0.75f),
               bias = attribute(node, "bias", 1.0f);
  return make(in[0]->dims, [&](const Dims& at) {
    double sum = 0.0;
    for (std::int64_t c = std::max<std::int64_t>(at[1] - (size - 1) / 2, 0);
         c <= std::min(at[1] + size / 2, in[0]->dims[1] - 1); ++c)
      sum += std::pow(get(*in[0], {at[0], c, at[2], at[3]}), 2.0);
    return get(*in[0], at) / std::pow(bias + alpha / static_cast<double>(size) * sum, beta);
  });
}

/// (x - mean) / deviation over consecutive runs of values.
ReferenceTensor normalized(const ReferenceTensor& x, std::int64_t run, double eps) {
  ReferenceTensor result = x;
  const auto size = static_cast<std::size_t>(run);
  for (std::size_t first = 0; first < x.values.size(); first += size) {
    double mean = 0.0, variance = 0.0;
    for (std::size_t i = first; i < first + size; ++i)
      mean += x.values[i] / static_cast<double>(run);
    for (std::size_t i = first; i < first + size; ++i)
      variance += (x.values[i] - mean) * (x.values[i] - mean) / static_cast<double>(run);
    for (std::size_t i = first; i < first + size; ++i)
      result.values[i] = (x.values[i] - mean) / std::sqrt(variance + eps);
  }
  return result;
}

/// With gain and bias per axis 1, each for as many channels as there are more of these.
ReferenceTensor scaled(const ReferenceTensor& x, const Tensors& in) {
  return make(x.dims, [&](const Dims& at) {
    const std::int64_t each = x.dims[1] / static_cast<std::int64_t>(in[1]->values.size());
    const auto c = static_cast<std::size_t>(at[1] / each);
    return get(x, at) * in[1]->values[c] + in[2]->values[c];
  });
}

ReferenceTensor image_norm(const OnnxNode& node, const Tensors& in, std::int64_t groups) {
  const std::int64_t run = count(in[0]->dims) / in[0]->dims[0] / groups;
  return scaled(normalized(*in[0], run, double{attribute(node, "epsilon", 1e-5f)}), in);
}

ReferenceTensor layer_norm(const OnnxNode& node, const Tensors& in) {
  const ReferenceTensor x =
      normalized(*in[0], in[0]->dims.back(), double{attribute(node, "epsilon", 1e-5f)});
  return broadcast(broadcast(x, *in[1], std::multiplies<>()), *in[2], std::plus<>());
}

/// The source position of `i` of `count` in `size`.
double source_of(const std::string& mode, double i, double scale, std::int64_t size,
                 std::int64_t count) {
  if (mode == "asymmetric") return i / scale;
  if (mode == "align_corners")
    return count == 1 ? 0.0 : i * static_cast<double>(size - 1) / static_cast<double>(count - 1);
  if (mode == "pytorch_half_pixel" && count == 1) return 0.0;
  return (i + 0.5) / scale - 0.5;
}

double rounded_to(const std::string& mode, double x) {
  if (mode == "floor") return std::floor(x);
  if (mode == "ceil") return std::ceil(x);
  return mode == "round_prefer_ceil" ? std::floor(x + 0.5) : std::ceil(x - 0.5);
}

ReferenceTensor resize(const OnnxNode& node, const Tensors& in) {
  const auto transformation =
      attribute(node, "coordinate_transformation_mode", std::string("half_pixel"));
  const auto nearest = attribute(node, "nearest_mode", std::string("round_prefer_floor"));
  const bool linear = attribute(node, "mode", std::string("nearest")) == "linear";
  const ReferenceTensor& x = *in[0];
  Dims dims = x.dims;
  std::vector<double> scales;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    // The batch does not change.
    const auto size = static_cast<double>(dims[i]);
    scales.push_back(i == 0 ? 1.0 : in.size() > 3 ? in[3]->values[i] / size : in[2]->values[i]);
    dims[i] = static_cast<std::int64_t>(std::floor(size * scales[i] + 1e-6));
  }
  // The sum over both neighbours along each axis, from `axis` on.
  const std::function<double(Dims, std::size_t)> value = [&](Dims at, std::size_t axis) -> double {
    if (axis == dims.size()) return get(x, at);
    const std::int64_t most = x.dims[axis] - 1;
    const double source = source_of(transformation, static_cast<double>(at[axis]), scales[axis],
                                    x.dims[axis], dims[axis]);
    const auto on_image = [&](double place) {
      return std::clamp<std::int64_t>(static_cast<std::int64_t>(place), 0, most);
    };
    if (!linear || x.dims[axis] == dims[axis]) {
      at[axis] = on_image(rounded_to(nearest, source));
      return value(at, axis + 1);
    }
    const double clamped = std::clamp(source, 0.0, static_cast<double>(most));
    const double weight = clamped - std::floor(clamped);
    at[axis] = on_image(std::floor(clamped));
    const double first = value(at, axis + 1);
    at[axis] = on_image(std::floor(clamped) + 1.0);
    return (1.0 - weight) * first + weight * value(at, axis + 1);
  };
  return make(dims, [&](const Dims& at) { return value(at, 0); });
}

ReferenceTensor prelu(const Tensors& in) {
  return broadcast(*in[0], *in[1], [](double x, double slope) { return x < 0.0 ? slope * x : x; });
}

double softplus(double x) { return std::log(1.0 + std::exp(x)); }
double gelu(double x) { return 0.5 * x * std::erfc(-x / std::sqrt(2.0)); }
double gelu_tanh(double x) {
  return 0.5 * x * (1.0 + std::tanh(std::sqrt(2.0 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
}

/// Elementwise functions without attributes.
const std::map<std::string, double (*)(double)> kFunctions{
    {"Erf", [](double x) { return std::erf(x); }},
    {"Exp", [](double x) { return std::exp(x); }},
    {"Floor", [](double x) { return std::floor(x); }},
    {"Mish", [](double x) { return x * std::tanh(softplus(x)); }},
    {"Neg", [](double x) { return -x; }},
    {"Softplus", softplus},
    {"Sqrt", [](double x) { return std::sqrt(x); }},
    {"Tanh", [](double x) { return std::tanh(x); }}};

double elu(double x, double alpha, double gamma) {
  return gamma * (x < 0.0 ? alpha * (std::exp(x) - 1.0) : x);
}

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

ReferenceTensor run(const OnnxNode& node, const Tensors& in) {
  const std::string& op = node.op;
  const auto alpha = [&](float fallback) { return double{attribute(node, "alpha", fallback)}; };
  const auto beta = [&](float fallback) { return double{attribute(node, "beta", fallback)}; };
  const auto hard = [](double x, double a, double b) { return std::clamp(a * x + b, 0.0, 1.0); };
  if (op == "Conv") return of_lines(node, in, conv);
  if (op == "ConvTranspose") return of_lines(node, in, conv_transpose);
  if (op == "DepthToSpace") return depth_to_space(node, in);
  if (op == "SpaceToDepth") return space_to_depth(node, in);
  if (op == "BatchNormalization") return batch_norm(node, in);
  if (op == "MaxPool" || op == "AveragePool")
    return of_lines(node, in, [&](const OnnxNode& windows, const Tensors& x) {
      return pool(windows, x, op == "MaxPool");
    });
  if (op.starts_with("Global")) {
    Dims pixels(in[0]->dims.size() - 2);
    std::iota(pixels.begin(), pixels.end(), 2);
    return reduce(*in[0], pixels, true, op == "GlobalAveragePool" ? mean_of : largest_of);
  }
  if (op.starts_with("Reduce")) {
    const Dims axes = axes_of(node, in, static_cast<std::int64_t>(in[0]->dims.size()));
    const bool keep = attribute(node, "keepdims", std::int64_t{1}) != 0;
    return reduce(*in[0], axes, keep,
                  op == "ReduceMean"  ? mean_of
                  : op == "ReduceSum" ? sum_of
                  : op == "ReduceL2"  ? length_of
                                      : largest_of);
  }
  if (op == "Gemm") return gemm(node, in);
  if (op == "MatMul") return matmul(in);
  if (op == "Add") return broadcast(*in[0], *in[1], std::plus<>());
  if (op == "Sub") return broadcast(*in[0], *in[1], std::minus<>());
  if (op == "Mul") return broadcast(*in[0], *in[1], std::multiplies<>());
  if (op == "Div") return broadcast(*in[0], *in[1], std::divides<>());
  if (op == "Concat") return concat(node, in);
  if (op == "Pad") return pad(node, in);
  if (op == "Slice") return slice(in);
  if (op == "Reshape") return reshape(node, in);
  if (op == "Flatten")
    return {{in[0]->dims[0], count(in[0]->dims) / in[0]->dims[0]}, in[0]->values};
  if (op == "Transpose") return transpose(node, in);
  if (op == "Squeeze") return squeeze(node, in);
  if (op == "Unsqueeze") return unsqueeze(node, in);
  if (op == "Shape") return shape(in);
  if (op == "Gather") return gather(node, in);
  if (op == "Split") return split(node, in);
  if (op == "Expand") return expand(in);
  if (op == "Pow")
    return broadcast(*in[0], *in[1], [](double x, double y) { return std::pow(x, y); });
  if (op == "Sum") return of_all(in, std::plus<>());
  if (op == "Max") return of_all(in, [](double a, double b) { return std::max(a, b); });
  if (op == "Min") return of_all(in, [](double a, double b) { return std::min(a, b); });
  if (op == "LRN") return lrn(node, in);
  if (op == "InstanceNormalization") return image_norm(node, in, in[0]->dims[1]);
  if (op == "GroupNormalization")
    return image_norm(node, in, attribute(node, "num_groups", std::int64_t{1}));
  if (op == "LayerNormalization") return layer_norm(node, in);
  if (op == "Resize") return resize(node, in);
  if (op == "PRelu") return prelu(in);
  if (op == "Elu") return map(*in[0], [&](double x) { return elu(x, alpha(1.0f), 1.0); });
  if (op == "Selu") {
    const double gamma = attribute(node, "gamma", 1.0507010f);
    return map(*in[0], [&](double x) { return elu(x, alpha(1.6732632f), gamma); });
  }
  if (op == "Gelu") {
    const bool exact = attribute(node, "approximate", std::string("none")) == "none";
    return map(*in[0], exact ? gelu : gelu_tanh);
  }
  if (const auto found = kFunctions.find(op); found != kFunctions.end())
    return map(*in[0], found->second);
  if (op == "Relu") return map(*in[0], [](double x) { return std::max(x, 0.0); });
  if (op == "Clip") return clip(node, in);
  if (op == "LeakyRelu")
    return map(*in[0], [&](double x) { return x > 0.0 ? x : alpha(0.01f) * x; });
  if (op == "HardSigmoid")
    return map(*in[0], [&](double x) { return hard(x, alpha(0.2f), beta(0.5f)); });
  if (op == "HardSwish") return map(*in[0], [&](double x) { return x * hard(x, 1.0 / 6.0, 0.5); });
  if (op == "Sigmoid") return map(*in[0], sigmoid);
  if (op == "Dropout" || op == "Identity" || op == "Cast") return *in[0];
  throw std::invalid_argument("reference: " + op);
}

ReferenceTensor of_constant(const OnnxTensor& tensor) {
  ReferenceTensor result{tensor.dims, {}};
  const auto read = [&]<typename T>(T) {
    std::vector<T> numbers(tensor.bytes.size() / sizeof(T));
    std::memcpy(numbers.data(), tensor.bytes.data(), tensor.bytes.size());
    result.values.assign(numbers.begin(), numbers.end());
  };
  if (tensor.type == OnnxType::f32) {
    read(float{});
  } else {
    read(std::int64_t{});
  }
  return result;
}

}  // namespace

ReferenceTensor run_reference(const OnnxModel& model, const ReferenceTensor& images) {
  std::map<std::string, ReferenceTensor> values{{model.input.name, images}};
  for (const OnnxTensor& tensor : model.constants) values[tensor.name] = of_constant(tensor);
  for (const OnnxNode& node : model.nodes) {
    Tensors inputs;
    for (const std::string& name : node.inputs)
      inputs.push_back(name.empty() ? nullptr : &values.at(name));
    values[node.output] = run(node, inputs);
  }
  return values.at(model.output.name);
}

}  // namespace quench::onnx
