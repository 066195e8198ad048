// Resize: nearest-neighbour or linear.

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <utility>

#include "layers/shape_layers.h"
#include "onnx/import/arrays.h"
#include "onnx/import/constants.h"
#include "onnx/import/operators.h"
#include "support/error.h"

namespace quench::onnx {
namespace {

using Coordinates = layers::BilinearResize::Coordinates;

/// Resize in operator set 10 has only scales, with a fixed coordinate transformation.
bool is_first_resize(const Builder& builder) { return builder.model().opset < 11; }

Coordinates coordinates_of(const std::string& name) {
  constexpr std::array kNames{std::pair{"half_pixel", Coordinates::half_pixel},
                              std::pair{"pytorch_half_pixel", Coordinates::pytorch_half_pixel},
                              std::pair{"align_corners", Coordinates::align_corners},
                              std::pair{"asymmetric", Coordinates::asymmetric}};
  const auto* found =
      std::ranges::find_if(kNames, [&](const auto& entry) { return name == entry.first; });
  require(
      found != kNames.end(),
      "coordinate_transformation_mode: expected half_pixel, pytorch_half_pixel, align_corners or "
      "asymmetric, got '{}'",
      name);
  return found->second;
}

/// Expands values for the axes that the node names to all axes of [N, C, H, W]; others get
/// `missing`.
template <typename T>
std::vector<T> on_all_axes(std::vector<T> given, const ResizeAttributes& attributes,
                           const Value& input, const std::vector<T>& missing) {
  if (!attributes.axes) return given;
  require(given.size() == attributes.axes->size(), "axes: expected {}, one for each value, got {}",
          given.size(), attributes.axes->size());
  std::vector<T> all = missing;
  for (std::size_t i = 0; i < given.size(); ++i)
    all[axis_of((*attributes.axes)[i], static_cast<std::size_t>(input.rank()))] = given[i];
  return all;
}

/// The size of the result, and the scales of coordinates.
layers::BilinearResize::Options target_of(const Builder& builder, const OnnxNode& node,
                                          const ResizeAttributes& attributes, const Value& input) {
  const auto rank = static_cast<std::size_t>(input.rank());
  const bool of_sizes = Builder::has_input(node, 3);
  Integers from = input.dims();
  from.insert(from.begin(), kBatch);
  Integers sizes = from;
  std::vector<float> scales(rank, 1.0f);
  if (of_sizes) {
    sizes = on_all_axes(builder.sizes(node, 3), attributes, input, from);
    require(sizes.size() == rank &&
                (sizes[0] == kBatch || sizes[0] == builder.images() || sizes[0] == 1),
            "sizes: expected {} for {} with an unchanged batch, got {}", rank, input.text(),
            sizes.size());
  } else {
    scales = on_all_axes(floats(builder.constant(node, is_first_resize(builder) ? 1 : 2)),
                         attributes, input, scales);
    require(scales.size() == rank && scales[0] == 1.0f,
            "scales: expected {} for {} and 1 for the batch, got {}", rank, input.text(),
            scales.size());
  }
  for (std::size_t axis = 1; axis < rank; ++axis) {
    const auto size = static_cast<float>(from[axis]);
    if (of_sizes) {
      scales[axis] = static_cast<float>(sizes[axis]) / size;
    } else {
      constexpr float kMost = 1 << 20;
      const float result = std::floor(size * scales[axis]);
      require(result >= 1.0f && result <= kMost,
              "scales: expected 1 to {} rows and columns of {}, got {} times {}", kMost,
              input.text(), scales[axis], size);
      sizes[axis] = static_cast<std::int64_t>(result);
    }
  }
  require(sizes[1] == input.channels, "expected an unchanged number of channels, got {} of {}",
          sizes[1], input.channels);
  layers::BilinearResize::Options options;
  options.coordinates = is_first_resize(builder)
                            ? Coordinates::asymmetric
                            : coordinates_of(attributes.coordinate_transformation_mode);
  // A line has no axis of rows.
  for (std::size_t axis = 2; axis < rank; ++axis) {
    const std::size_t place = axis - (rank - 2);
    options.size[place] = sizes[axis];
    options.scale[place] = scales[axis];
  }
  return options;
}

/// For each pixel of the result, the index of the nearest of `size` pixels.
Integers nearest(const layers::BilinearResize::Options& options, std::size_t axis,
                 std::int64_t size, const std::string& mode) {
  Integers result;
  for (std::int64_t i = 0; i < options.size[axis]; ++i) {
    const float place = layers::source_place(options, axis, i, size);
    float rounded = 0.0f;
    if (mode == "round_prefer_floor") {
      rounded = std::ceil(place - 0.5f);
    } else if (mode == "round_prefer_ceil") {
      rounded = std::floor(place + 0.5f);
    } else if (mode == "floor") {
      rounded = std::floor(place);
    } else {
      require(
          mode == "ceil",
          "nearest_mode: expected round_prefer_floor, round_prefer_ceil, floor or ceil, got '{}'",
          mode);
      rounded = std::ceil(place);
    }
    result.push_back(std::clamp<std::int64_t>(static_cast<std::int64_t>(rounded), 0, size - 1));
  }
  return result;
}

/// How often each index occurs, if all occur in order and equally often.
std::optional<int> repeats(const Integers& numbers, std::int64_t size) {
  const std::int64_t each = std::ssize(numbers) / size;
  if (each * size != std::ssize(numbers)) return std::nullopt;
  for (std::int64_t i = 0; i < std::ssize(numbers); ++i) {
    if (numbers[static_cast<std::size_t>(i)] != i / each) return std::nullopt;
  }
  return static_cast<int>(each);
}

void append_nearest(Builder& builder, const OnnxNode& node, const Value& input,
                    const layers::BilinearResize::Options& options, const std::string& mode) {
  Integers rows = nearest(options, 0, input.height, mode),
           columns = nearest(options, 1, input.width, mode);
  const auto taller = repeats(rows, input.height), wider = repeats(columns, input.width);
  if (taller == 1 && wider == 1) return builder.set_output(node, input);
  if (!taller || !wider)
    return builder.set_output(
        node, selected_pixels(builder, name_of(node), input, std::move(rows), std::move(columns)));
  Value output = input;
  output.height *= *taller;
  output.width *= *wider;
  builder.append(node, std::make_shared<layers::Upsample>(std::array{*taller, *wider}), {input},
                 std::move(output));
}

}  // namespace

void build_resize(Builder& builder, const OnnxNode& node, const ResizeAttributes& attributes) {
  const Value input = builder.image(node);
  require(attributes.keep_aspect_ratio_policy == "stretch",
          "keep_aspect_ratio_policy: expected stretch, got '{}'",
          attributes.keep_aspect_ratio_policy);
  require(attributes.antialias == 0, "antialias: expected 0, got {}", attributes.antialias);
  const layers::BilinearResize::Options options = target_of(builder, node, attributes, input);
  if (attributes.mode == "nearest") {
    // Operator set 10 does not define the rounding; runtimes round down to enlarge an image and up
    // to shrink it.
    const bool smaller = std::min(options.scale[0], options.scale[1]) < 1.0f;
    const std::string first = smaller ? "ceil" : "floor";
    return append_nearest(builder, node, input, options,
                          is_first_resize(builder) ? first : attributes.nearest_mode);
  }
  require(attributes.mode == "linear", "mode: expected nearest or linear, got '{}'",
          attributes.mode);
  Value output = input;
  output.height = options.size[0];
  output.width = options.size[1];
  builder.append(node, std::make_shared<layers::BilinearResize>(options), {input},
                 std::move(output));
}

}  // namespace quench::onnx
