#include "onnx/import/windows.h"

#include <algorithm>
#include <string>
#include <vector>

#include "onnx/import/constants.h"
#include "support/error.h"

namespace quench::onnx {
namespace {

constexpr std::int64_t kMaxSize = 1 << 20;  // in pixels

/// Two sizes (four for pads) of at least `least`, which is also the default.
std::vector<int> sizes(const std::optional<Integers>& attribute, const char* name,
                       std::size_t count, int least, const Value& image) {
  const std::size_t expected = image.line ? count / 2 : count;
  Integers given = attribute.value_or(Integers(expected, least));
  require(given.size() == expected, "{}: expected {} values for {}, got {}", name, expected,
          image.text(), dims_text(given));
  if (image.line) {
    // ONNX omits the axis of rows for a line; its sizes are `least`.
    Integers both;
    for (const std::int64_t size : given) both.insert(both.end(), {least, size});
    given = std::move(both);
  }
  std::vector<int> result;
  for (const std::int64_t size : given) {
    require(size >= least && size <= kMaxSize, "{}: expected {} to {}, got {}", name, least,
            kMaxSize, size);
    result.push_back(static_cast<int>(size));
  }
  return result;
}

/// One axis of the windows.
struct Axis {
  std::int64_t size;  ///< of the image
  int kernel, stride, dilation;

  std::int64_t reach() const { return std::int64_t{dilation} * (kernel - 1) + 1; }
  /// The total of "same" padding: one window per stride that begins in the image.
  int same_total() const {
    const std::int64_t windows = (size + stride - 1) / stride;
    return static_cast<int>(std::max<std::int64_t>((windows - 1) * stride + reach() - size, 0));
  }
  /// Extra padding for ceil_mode, so that windows cover every pixel; a window that would begin past
  /// the image does not count.
  int ceil_extra(int before, int after) const {
    const std::int64_t rest = size + before + after - reach();
    if (rest < 0) return 0;
    std::int64_t windows = (rest + stride - 1) / stride;
    if (windows * stride >= size + before) --windows;
    return static_cast<int>(std::max<std::int64_t>(windows * stride - rest, 0));
  }
};

Padding same_padding(const Axis& rows, const Axis& columns, bool upper) {
  const int height = rows.same_total(), width = columns.same_total();
  const int top = upper ? height / 2 : height - height / 2;
  const int left = upper ? width / 2 : width - width / 2;
  return {top, left, height - top, width - left};
}

Padding padding_of(const WindowAttributes& attributes, const Value& image, const Axis& rows,
                   const Axis& columns) {
  const std::string& automatic = attributes.auto_pad;
  if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER")
    return same_padding(rows, columns, automatic == "SAME_UPPER");
  if (automatic == "VALID") return {};
  require(automatic == "NOTSET",
          "auto_pad: expected NOTSET, SAME_UPPER, SAME_LOWER or VALID, got '{}'", automatic);
  const std::vector<int> pads = sizes(attributes.pads, "pads", 4, 0, image);
  return {pads[0], pads[1], pads[2], pads[3]};
}

Padding sum(const Padding& a, const Padding& b) {
  return {a.top + b.top, a.left + b.left, a.bottom + b.bottom, a.right + b.right};
}

Windows read_windows(const WindowAttributes& attributes, bool ceil_mode, const Value& image,
                     const Integers& kernel) {
  const std::vector<int> size = sizes(kernel, "kernel_shape", 2, 1, image),
                         stride = sizes(attributes.strides, "strides", 2, 1, image),
                         dilation = sizes(attributes.dilations, "dilations", 2, 1, image);
  const Padding& around = image.padding;
  const Axis rows{image.height + around.top + around.bottom, size[0], stride[0], dilation[0]};
  const Axis columns{image.width + around.left + around.right, size[1], stride[1], dilation[1]};
  Padding own = padding_of(attributes, image, rows, columns);
  if (ceil_mode) {
    own.bottom += rows.ceil_extra(own.top, own.bottom);
    own.right += columns.ceil_extra(own.left, own.right);
  }
  return {.window = {.kernel = {size[0], size[1]},
                     .stride = {stride[0], stride[1]},
                     .padding = sum(around, own)},
          .dilation = {dilation[0], dilation[1]},
          .ceil_mode = ceil_mode};
}

void require_kernel(const WindowAttributes& attributes, const Integers& kernel) {
  const Integers& given = attributes.kernel_shape;
  require(given.empty() || given == kernel, "kernel_shape: expected the weight's, {}, got {}",
          dims_text(kernel), dims_text(given));
}

}  // namespace

std::array<std::int64_t, 2> Windows::output_size(const Value& image) const {
  const auto count = [this](std::int64_t padded, std::size_t axis) {
    const std::int64_t reach = std::int64_t{dilation[axis]} * (window.kernel[axis] - 1) + 1;
    require(padded >= reach, "expected a window no larger than the padded image, got {} over {}",
            reach, padded);
    return (padded - reach) / window.stride[axis] + 1;
  };
  const Padding& p = window.padding;
  return {count(image.height + p.top + p.bottom, 0), count(image.width + p.left + p.right, 1)};
}

Windows conv_windows(const WindowAttributes& attributes, const Value& image,
                     const Integers& kernel) {
  require_kernel(attributes, kernel);
  return read_windows(attributes, false, image, kernel);
}

SpreadWindows transposed_windows(const ConvTransposeAttributes& attributes, const Value& image,
                                 const Integers& kernel) {
  constexpr int kMostSpread = 1024;
  require_kernel(attributes, kernel);
  const std::vector<int> size = sizes(kernel, "kernel_shape", 2, 1, image),
                         stride = sizes(attributes.strides, "strides", 2, 1, image),
                         dilation = sizes(attributes.dilations, "dilations", 2, 1, image),
                         more = sizes(attributes.output_padding, "output_padding", 2, 0, image);
  const bool same = attributes.auto_pad.starts_with("SAME");
  const bool asked = attributes.output_shape.has_value();
  const std::vector<int> result = sizes(attributes.output_shape, "output_shape", 2, 1, image);
  const std::array from{image.height, image.width};
  std::array<int, 4> pads{};
  if (!same && !asked) {
    const Padding given = padding_of(attributes, image, {}, {});
    pads = {given.top, given.left, given.bottom, given.right};
  }
  std::array<int, 4> around{};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t reach = std::int64_t{dilation[i]} * (size[i] - 1);
    require(stride[i] <= kMostSpread && reach <= kMaxSize,
            "expected strides up to {} and windows up to {}, got {} and {}", kMostSpread, kMaxSize,
            stride[i], reach + 1);
    if (same || asked) {
      const std::int64_t outputs = asked ? result[i] : from[i] * stride[i];
      const std::int64_t total = stride[i] * (from[i] - 1) + more[i] + reach + 1 - outputs;
      require(total >= 0 && total <= kMaxSize,
              "output_shape: expected at most {}, for {} in steps of {}, got {}", total + outputs,
              from[i], stride[i], outputs);
      const auto less = static_cast<int>(total / 2), rest = static_cast<int>(total - total / 2);
      const bool upper = attributes.auto_pad == "SAME_UPPER";
      pads[i] = upper ? less : rest;
      pads[i + 2] = upper ? rest : less;
    }
    around[i] = static_cast<int>(reach) - pads[i];
    // The zeros after the last pixel already exist.
    around[i + 2] = static_cast<int>(reach) - pads[i + 2] + more[i] - (stride[i] - 1);
  }
  return {.kernel = {size[0], size[1]},
          .spread = {stride[0], stride[1]},
          .around = {around[0], around[1], around[2], around[3]},
          .dilation = {dilation[0], dilation[1]}};
}

Windows pool_windows(const WindowAttributes& attributes, bool ceil_mode, const Value& image) {
  return read_windows(attributes, ceil_mode, image, attributes.kernel_shape);
}

}  // namespace quench::onnx
