#include "onnx/export/onnx_graph.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "support/error.h"

namespace quench::onnx {
namespace {

std::vector<std::int64_t> ints(const std::array<int, 2>& pair) { return {pair[0], pair[1]}; }

std::vector<std::int64_t> pads(const Padding& padding) {
  return {padding.top, padding.left, padding.bottom, padding.right};
}

OnnxAttributes window_attributes(const Window2d& window) {
  return {{"kernel_shape", ints(window.kernel)},
          {"strides", ints(window.stride)},
          {"pads", pads(window.padding)}};
}

}  // namespace

OnnxAttributes conv_attributes(const std::array<int, 2>& kernel, const Conv2dParams& params) {
  return {{"kernel_shape", ints(kernel)},
          {"strides", ints(params.stride)},
          {"pads", pads(params.padding)},
          {"dilations", ints(params.dilation)},
          {"group", std::int64_t{params.groups}}};
}

OnnxGraph::OnnxGraph(std::array<std::int64_t, 3> image,
                     const std::optional<PixelNormalization>& pixels) {
  model_.input.dims = {OnnxValue::kAnySize, image[0], image[1], image[2]};
  names_ = {model_.input.name, model_.output.name};
  images_ = model_.input.name;
  if (!pixels) return;
  const std::string centered =
      node("Sub", {images_, per_channel("images/mean", pixels->mean)}, "images/centered");
  images_ = node("Div", {centered, per_channel("images/std", pixels->std)}, "images/normalized");
}

std::string OnnxGraph::unique(const std::string& name) {
  std::string result = name;
  for (int n = 2; !names_.insert(result).second; ++n) result = fmt::format("{}_{}", name, n);
  return result;
}

std::string OnnxGraph::add(const std::string& name, OnnxType type, std::span<const std::byte> bytes,
                           std::vector<std::int64_t> dims) {
  model_.constants.push_back(
      {unique(name), type, std::move(dims), std::vector<std::byte>(bytes.begin(), bytes.end())});
  return model_.constants.back().name;
}

std::string OnnxGraph::constant(const std::string& name, std::span<const float> values,
                                std::vector<std::int64_t> dims) {
  return add(name, OnnxType::f32, std::as_bytes(values), std::move(dims));
}

std::string OnnxGraph::per_channel(const std::string& name, std::span<const float> values) {
  return constant(name, values, {1, std::ssize(values), 1, 1});
}

std::string OnnxGraph::integers(const std::string& name, std::span<const std::int64_t> values,
                                std::vector<std::int64_t> dims) {
  return add(name, OnnxType::s64, std::as_bytes(values), std::move(dims));
}

std::string OnnxGraph::codes(const std::string& name, OnnxType type,
                             std::span<const std::int32_t> values, std::vector<std::int64_t> dims) {
  std::vector<std::byte> bytes;
  for (const std::int32_t value : values)
    bytes.push_back(static_cast<std::byte>(static_cast<std::uint8_t>(value)));
  return add(name, type, bytes, std::move(dims));
}

std::string OnnxGraph::node(const std::string& op, std::vector<std::string> inputs,
                            const std::string& name, OnnxAttributes attributes) {
  model_.nodes.push_back({op, std::move(inputs), unique(name), std::move(attributes)});
  return model_.nodes.back().output;
}

std::string OnnxGraph::clip(const std::string& x, float low, float high, const std::string& name) {
  const auto bound = [&](const char* which, float value) {
    return std::isnan(value) ? std::string() : scalar(name + which, value);
  };
  return node("Clip", {x, bound("/low", low), bound("/high", high)}, name);
}

std::string OnnxGraph::scaled(const std::string& x, float factor, const std::string& name) {
  return node("Mul", {x, scalar(name + "/factor", factor)}, name);
}

std::string OnnxGraph::gelu(const std::string& x, const std::string& gate,
                            const std::string& name) {
  const std::string sum = node("Add", {gate, scalar(name + "/one", 1.0f)}, name + "/gate");
  return node("Mul", {scaled(x, 0.5f, name + "/half"), sum}, name);
}

std::string OnnxGraph::pointwise(const std::string& x, const Pointwise& function,
                                 const std::string& name) {
  const float first = function.first(), second = function.second();
  switch (function.kind()) {
    case Pointwise::Kind::leaky_relu:
      return node("LeakyRelu", {x}, name, {{"alpha", first}});
    case Pointwise::Kind::elu:
      if (second == 1.0f) return node("Elu", {x}, name, {{"alpha", first}});
      return node("Selu", {x}, name, {{"alpha", first}, {"gamma", second}});
    case Pointwise::Kind::hard_sigmoid:
      return node("HardSigmoid", {x}, name, {{"alpha", first}, {"beta", second}});
    case Pointwise::Kind::hard_swish: {
      // Operator set 13 has no HardSwish, no Mish and no Gelu.
      const std::string gate =
          node("HardSigmoid", {x}, name + "/gate", {{"alpha", 1.0f / 6.0f}, {"beta", 0.5f}});
      return node("Mul", {x, gate}, name);
    }
    case Pointwise::Kind::sigmoid:
      return node("Sigmoid", {x}, name);
    case Pointwise::Kind::tanh:
      return node("Tanh", {x}, name);
    case Pointwise::Kind::softplus:
      return node("Softplus", {x}, name);
    case Pointwise::Kind::mish:
      return node("Mul",
                  {x, node("Tanh", {node("Softplus", {x}, name + "/softplus")}, name + "/gate")},
                  name);
    case Pointwise::Kind::gelu:
      return gelu(x,
                  node("Erf", {scaled(x, 1.0f / std::numbers::sqrt2_v<float>, name + "/scaled")},
                       name + "/erf"),
                  name);
    case Pointwise::Kind::gelu_tanh: {
      const std::string cube =
          node("Mul", {x, node("Mul", {x, x}, name + "/square")}, name + "/cube");
      const std::string sum =
          node("Add", {x, scaled(cube, 0.044715f, name + "/cubic")}, name + "/sum");
      constexpr float kScale = std::numbers::sqrt2_v<float> * std::numbers::inv_sqrtpi_v<float>;
      return gelu(x, node("Tanh", {scaled(sum, kScale, name + "/scaled")}, name + "/tanh"), name);
    }
    case Pointwise::Kind::erf:
      return node("Erf", {x}, name);
    case Pointwise::Kind::exp:
      return node("Exp", {x}, name);
    case Pointwise::Kind::sqrt:
      return node("Sqrt", {x}, name);
    case Pointwise::Kind::floor:
      return node("Floor", {x}, name);
    case Pointwise::Kind::clip:
      break;
  }
  return clip(x, first, second, name);
}

std::string OnnxGraph::activate(const std::string& x, Activation activation,
                                const std::string& name) {
  const ActivationRange range = range_of(activation);
  if (activation == Activation::none) return x;
  if (std::isnan(range.high)) return node("Relu", {x}, name + "/relu");
  return clip(x, range.low, range.high, name + "/clip");
}

std::string OnnxGraph::pad(const std::string& x, std::int64_t before, std::int64_t after,
                           const Padding& image, const std::string& name) {
  const std::array<std::int64_t, 8> pads{0, before, image.top,    image.left,
                                         0, after,  image.bottom, image.right};
  return node("Pad", {x, integers(name + "/pads", pads, {8})}, name);
}

std::string OnnxGraph::select_channels(const std::string& x, std::span<const std::int64_t> channels,
                                       const std::string& name) {
  const auto gap = [](std::int64_t a, std::int64_t b) { return b != a + 1; };
  if (std::ranges::adjacent_find(channels, gap) != channels.end())
    return node("Gather", {x, integers(name + "/channels", channels, {std::ssize(channels)})}, name,
                {{"axis", std::int64_t{1}}});
  const auto one = [&](const char* what, std::int64_t value) {
    return integers(name + what, {&value, 1}, {1});
  };
  return node(
      "Slice",
      {x, one("/start", channels.front()), one("/end", channels.back() + 1), one("/axis", 1)},
      name);
}

std::string OnnxGraph::upsample(const std::string& x, std::array<int, 2> factor,
                                const std::string& name) {
  const std::array scales{1.0f, 1.0f, static_cast<float>(factor[0]), static_cast<float>(factor[1])};
  return node("Resize", {x, "", constant(name + "/scales", scales, {4})}, name,
              {{"mode", std::string("nearest")},
               {"coordinate_transformation_mode", std::string("asymmetric")},
               {"nearest_mode", std::string("floor")}});
}

std::string OnnxGraph::select_pixels(const std::string& x, std::span<const std::int64_t> rows,
                                     std::span<const std::int64_t> columns,
                                     const std::string& name) {
  const std::string taller = node("Gather", {x, integers(name + "/rows", rows, {std::ssize(rows)})},
                                  name + "/of_rows", {{"axis", std::int64_t{2}}});
  return node("Gather", {taller, integers(name + "/columns", columns, {std::ssize(columns)})}, name,
              {{"axis", std::int64_t{3}}});
}

std::string OnnxGraph::reshape(const std::string& x, const std::vector<std::int64_t>& dims,
                               const std::string& name) {
  return node("Reshape", {x, integers(name + "/dims", dims, {std::ssize(dims)})}, name);
}

std::string OnnxGraph::transpose(const std::string& x, std::vector<std::int64_t> axes,
                                 const std::string& name) {
  return node("Transpose", {x}, name, {{"perm", std::move(axes)}});
}

namespace {

/// How many leading sizes have the product `product`; null if none do.
std::optional<std::size_t> count_with(std::span<const std::int64_t> sizes, std::int64_t product) {
  std::int64_t values = 1;
  std::size_t count = 0;
  while (count < sizes.size() && values < product) values *= sizes[count++];
  return values == product ? std::optional(count) : std::nullopt;
}

}  // namespace

/// Channels precede pixels in ONNX and follow them in quench.
std::string OnnxGraph::rearrange(const std::string& x, std::int64_t channels,
                                 const Rearrangement& rearrangement, const std::string& name) {
  const auto& [dims, axes, size] = rearrangement;
  std::vector<std::int64_t> moved;
  for (const std::int64_t axis : axes) moved.push_back(dims[static_cast<std::size_t>(axis)]);
  const std::int64_t values =
      std::accumulate(dims.begin(), dims.end(), std::int64_t{1}, std::multiplies<>());
  const auto pixels = count_with(dims, values / channels),
             pixels_after = count_with(moved, size[1] * size[2]);
  require(pixels && pixels_after,
          "onnx: {} merges pixels and channels into one axis; expected separate axes", name);
  // 0 is the batch, in dims and as an axis.
  std::vector<std::int64_t> split{0}, perm{0};
  const auto middle = dims.begin() + static_cast<std::ptrdiff_t>(*pixels);
  split.insert(split.end(), middle, dims.end());
  split.insert(split.end(), dims.begin(), middle);
  const auto own_channels = std::ssize(dims) - static_cast<std::int64_t>(*pixels);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t axis = axes[(i + *pixels_after) % axes.size()];
    const auto first_channel = static_cast<std::int64_t>(*pixels);
    perm.push_back(1 + (axis < first_channel ? axis + own_channels : axis - first_channel));
  }
  std::string y = reshape(x, split, name + "/split");
  if (!std::ranges::is_sorted(perm)) y = transpose(y, perm, name + "/moved");
  return reshape(y, {0, size[0], size[1], size[2]}, name);
}

std::string OnnxGraph::max_pool(const std::string& x, const Window2d& window,
                                const std::string& name) {
  return node("MaxPool", {x}, name, window_attributes(window));
}

std::string OnnxGraph::average_pool(const std::string& x, const Window2d& window,
                                    const std::string& name) {
  OnnxAttributes attributes = window_attributes(window);
  attributes["count_include_pad"] = std::int64_t{0};
  return node("AveragePool", {x}, name, std::move(attributes));
}

OnnxModel OnnxGraph::finish(const std::string& x, std::int64_t classes) {
  // The constructor has reserved the output's name.
  model_.nodes.push_back({"Flatten", {x}, model_.output.name, {{"axis", std::int64_t{1}}}});
  model_.output.dims = {OnnxValue::kAnySize, classes};
  return std::move(model_);
}

}  // namespace quench::onnx
