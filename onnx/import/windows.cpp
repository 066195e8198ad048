#include "onnx/import/windows.h"

#include <algorithm>
#include <string>
#include <vector>

#include "onnx/import/attributes.h"
#include "support/error.h"

namespace quench::onnx_network {
namespace {

constexpr std::int64_t kMaxSize = 1 << 20;  // of anything that is counted in pixels

using Sizes = std::vector<std::int64_t>;

/// Two sizes (four of pads) of at least `least`.
std::vector<int> sizes(const OnnxNode& node, const char* name, std::size_t count, int least) {
  const Sizes given = attribute(node, name, Sizes(count, least));
  require(given.size() == count, "{}: expected {} numbers, for images in 2 dimensions, got {}",
          name, count, dims_text(given));
  std::vector<int> result;
  for (const std::int64_t size : given) {
    require(size >= least && size <= kMaxSize, "{}: expected {} to {}, got {}", name, least,
            kMaxSize, size);
    result.push_back(static_cast<int>(size));
  }
  return result;
}

std::array<int, 2> pair(const OnnxNode& node, const char* name) {
  const std::vector<int> two = sizes(node, name, 2, 1);
  return {two[0], two[1]};
}

/// One axis of the windows.
struct Axis {
  std::int64_t size;  ///< of the image
  int kernel, stride, dilation;

  std::int64_t reach() const { return std::int64_t{dilation} * (kernel - 1) + 1; }
  /// Of "same" padding: as many windows as strides begin in the image.
  int same_total() const {
    const std::int64_t windows = (size + stride - 1) / stride;
    return static_cast<int>(std::max<std::int64_t>((windows - 1) * stride + reach() - size, 0));
  }
  /// What lies behind the padded image so that no pixel is left over; a window that would begin behind
  /// the image is none.
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

Padding explicit_padding(const OnnxNode& node) {
  const std::vector<int> pads = sizes(node, "pads", 4, 0);
  return {pads[0], pads[1], pads[2], pads[3]};
}

Padding padding_of(const OnnxNode& node, const Axis& rows, const Axis& columns) {
  const std::string automatic = attribute(node, "auto_pad", std::string("NOTSET"));
  if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER")
    return same_padding(rows, columns, automatic == "SAME_UPPER");
  if (automatic == "VALID") return {};
  require(automatic == "NOTSET",
          "auto_pad: expected NOTSET, SAME_UPPER, SAME_LOWER or VALID, got '{}'", automatic);
  return explicit_padding(node);
}

Padding sum(const Padding& a, const Padding& b) {
  return {a.top + b.top, a.left + b.left, a.bottom + b.bottom, a.right + b.right};
}

}  // namespace

std::array<std::int64_t, 2> Windows::output_size(const Value& image) const {
  const auto count = [this](std::int64_t padded, std::size_t axis) {
    const std::int64_t reach = std::int64_t{dilation[axis]} * (window.kernel[axis] - 1) + 1;
    require(padded >= reach, "expected a window of at most the padded image, got {} over {}", reach,
            padded);
    return (padded - reach) / window.stride[axis] + 1;
  };
  const Padding& p = window.padding;
  return {count(image.height + p.top + p.bottom, 0), count(image.width + p.left + p.right, 1)};
}

Windows read_windows(const OnnxNode& node, const Value& image, std::array<std::int64_t, 2> kernel) {
  require(std::ranges::max(kernel) <= kMaxSize && std::ranges::min(kernel) >= 1,
          "expected a kernel of 1 to {} rows and columns, got {} x {}", kMaxSize, kernel[0],
          kernel[1]);
  Windows result{.window = {.kernel = {static_cast<int>(kernel[0]), static_cast<int>(kernel[1])},
                            .stride = pair(node, "strides")},
                 .dilation = pair(node, "dilations"),
                 .ceil_mode = attribute(node, "ceil_mode", std::int64_t{0}) != 0};
  const Padding& around = image.padding;
  const auto axis = [&](std::size_t i, std::int64_t size) {
    return Axis{size, result.window.kernel[i], result.window.stride[i], result.dilation[i]};
  };
  const Axis rows = axis(0, image.height + around.top + around.bottom);
  const Axis columns = axis(1, image.width + around.left + around.right);
  Padding own = padding_of(node, rows, columns);
  if (result.ceil_mode) {
    own.bottom += rows.ceil_extra(own.top, own.bottom);
    own.right += columns.ceil_extra(own.left, own.right);
  }
  result.window.padding = sum(around, own);
  return result;
}

Windows read_windows(const OnnxNode& node, const Value& image) {
  const Sizes kernel = attribute(node, "kernel_shape", Sizes{});
  require(kernel.size() == 2, "kernel_shape: expected 2 numbers, got {}", dims_text(kernel));
  return read_windows(node, image, {kernel[0], kernel[1]});
}

}  // namespace quench::onnx_network
