#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/ops/activation.h"
#include "core/ops/conv2d.h"
#include "core/ops/pointwise.h"
#include "core/ops/rearrange.h"
#include "core/ops/window.h"
#include "onnx/file/model.h"

namespace quench::onnx {

/// The normalization in an exported graph: (pixel - mean) / std, for pixels 0 to 255.
struct PixelNormalization {
  std::vector<float> mean, std;  ///< one per channel
};

/// An ONNX graph that is built node by node, with unique names. Functions return the name of their
/// result, which other functions take as an input.
class OnnxGraph {
 public:
  /// @param image   C, H, W
  /// @param pixels  if present, the graph normalizes; else it takes images normalized as in
  ///                training
  OnnxGraph(std::array<std::int64_t, 3> image, const std::optional<PixelNormalization>& pixels);

  /// Raises the graph's operator set to at least this one.
  void require_opset(std::int64_t opset) { model_.opset = std::max(model_.opset, opset); }

  /// The normalized images.
  const std::string& images() const { return images_; }

  std::string constant(const std::string& name, std::span<const float> values,
                       std::vector<std::int64_t> dims);
  std::string scalar(const std::string& name, float value) {
    return constant(name, {&value, 1}, {});
  }
  /// [1, C, 1, 1]: one value per channel of an image.
  std::string per_channel(const std::string& name, std::span<const float> values);
  std::string integers(const std::string& name, std::span<const std::int64_t> values,
                       std::vector<std::int64_t> dims);
  /// @param type  s8 or u8; must hold every code
  std::string codes(const std::string& name, OnnxType type, std::span<const std::int32_t> values,
                    std::vector<std::int64_t> dims);

  /// Adds a node. @param name  gets a number appended if it is taken
  std::string node(const std::string& op, std::vector<std::string> inputs, const std::string& name,
                   OnnxAttributes attributes = {});
  /// Returns `x` itself for Activation::none.
  std::string activate(const std::string& x, Activation activation, const std::string& name);
  /// @param low, high  ActivationRange::kUnbounded for no bound
  std::string clip(const std::string& x, float low, float high, const std::string& name);
  std::string pointwise(const std::string& x, const Pointwise& function, const std::string& name);
  /// Pads with zeros: channels before and after, rows and columns around.
  std::string pad(const std::string& x, std::int64_t before, std::int64_t after,
                  const Padding& image, const std::string& name);
  /// Selects channels by index: a Slice if they are consecutive, else a Gather.
  std::string select_channels(const std::string& x, std::span<const std::int64_t> channels,
                              const std::string& name);
  /// Repeats each pixel as a block.
  std::string upsample(const std::string& x, std::array<int, 2> factor, const std::string& name);
  /// Selects rows and columns by index.
  std::string select_pixels(const std::string& x, std::span<const std::int64_t> rows,
                            std::span<const std::int64_t> columns, const std::string& name);
  /// Reorders the values of an image with `channels` channels.
  std::string rearrange(const std::string& x, std::int64_t channels,
                        const Rearrangement& rearrangement, const std::string& name);
  std::string reshape(const std::string& x, const std::vector<std::int64_t>& dims,
                      const std::string& name);
  std::string transpose(const std::string& x, std::vector<std::int64_t> axes,
                        const std::string& name);
  /// Pools over pixels inside the image; padding does not count.
  std::string max_pool(const std::string& x, const Window2d& window, const std::string& name);
  std::string average_pool(const std::string& x, const Window2d& window, const std::string& name);

  /// Returns the graph with `x`, [N, classes], as its output.
  OnnxModel finish(const std::string& x, std::int64_t classes);

 private:
  std::string scaled(const std::string& x, float factor, const std::string& name);
  /// x / 2 (1 + gate)
  std::string gelu(const std::string& x, const std::string& gate, const std::string& name);
  std::string add(const std::string& name, OnnxType type, std::span<const std::byte> bytes,
                  std::vector<std::int64_t> dims);
  std::string unique(const std::string& name);

  OnnxModel model_;
  std::string images_;
  std::set<std::string> names_;
};

/// The attributes of a Conv.
OnnxAttributes conv_attributes(const std::array<int, 2>& kernel, const Conv2dParams& params);

}  // namespace quench::onnx
