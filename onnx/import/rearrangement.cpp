#include "onnx/import/rearrangement.h"

#include <algorithm>
#include <numeric>

namespace quench::onnx {
namespace {

using Sizes = std::vector<std::int64_t>;

/// Axes in ONNX's order. In quench's memory, pixels always precede channels.
struct Axes {
  Sizes sizes;
  std::vector<bool> of_pixels;
};

std::optional<Axes> axes_of_image(const Value& value) {
  const std::int64_t pixels = value.height * value.width;
  if (value.flat() || pixels == 1) {
    if (same_order(value)) return Axes{{value.channels}, {false}};
    if (value.blocks.size() != 1) return std::nullopt;
    return Axes{{value.blocks[0].channels, value.blocks[0].pixels}, {false, true}};
  }
  if (!same_order(value)) return std::nullopt;
  if (value.layout == Layout::channels_first) return Axes{{value.channels, pixels}, {false, true}};
  return Axes{{pixels, value.channels}, {true, false}};
}

/// Splits each size at the boundaries of the others, so that both lists have the same parts, none
/// of them 1.
std::optional<std::vector<Sizes>> parts_of(const Sizes& sizes, const Sizes& others) {
  std::vector<Sizes> parts;
  auto other = others.begin();
  std::int64_t rest = other == others.end() ? 1 : *other;
  for (std::int64_t size : sizes) {
    parts.emplace_back();
    while (size > 1) {
      while (rest == 1 && other + 1 < others.end()) rest = *++other;
      const std::int64_t part = std::min(size, rest);
      if (part == 1 || size % part != 0 || rest % part != 0) return std::nullopt;
      parts.back().push_back(part);
      size /= part;
      rest /= part;
    }
  }
  return parts;
}

/// For each part of the axes, whether it belongs to pixels.
std::vector<bool> parts_of_pixels(const Axes& axes, const std::vector<Sizes>& parts) {
  std::vector<bool> result;
  for (std::size_t i = 0; i < parts.size(); ++i)
    result.insert(result.end(), parts[i].size(), axes.of_pixels[i]);
  return result;
}

Sizes joined(const std::vector<Sizes>& parts) {
  Sizes result;
  for (const Sizes& part : parts) result.insert(result.end(), part.begin(), part.end());
  return result;
}

/// The entries of `parts`, those of pixels first.
Sizes in_memory(const Sizes& parts, const std::vector<bool>& of_pixels) {
  Sizes result;
  for (const bool pixels : {true, false}) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (of_pixels[i] == pixels) result.push_back(parts[i]);
    }
  }
  return result;
}

/// Numbers the parts of all axes and permutes them by `axes`.
Sizes moved(const std::vector<Sizes>& parts, const Sizes& axes) {
  Sizes first(parts.size(), 0), result;
  for (std::size_t i = 1; i < parts.size(); ++i) first[i] = first[i - 1] + std::ssize(parts[i - 1]);
  for (const std::int64_t axis : axes) {
    const auto i = static_cast<std::size_t>(axis);
    for (std::int64_t k = 0; k < std::ssize(parts[i]); ++k) result.push_back(first[i] + k);
  }
  return result;
}

/// Undoes a permutation: `finer[i]` are the subparts of part `numbers[i]`.
std::vector<Sizes> in_place(const std::vector<Sizes>& finer, const Sizes& numbers) {
  std::vector<Sizes> result(finer.size());
  for (std::size_t i = 0; i < numbers.size(); ++i)
    result[static_cast<std::size_t>(numbers[i])] = finer[i];
  return result;
}

}  // namespace

std::optional<Rearrangement> rearrangement(const Value& from, const Sizes& axes, const Value& to) {
  const std::optional<Axes> before = axes_of_image(from), after = axes_of_image(to);
  if (!before || !after) return std::nullopt;
  // Split the view's axes and the image's at the boundaries of both.
  const Sizes view = from.dims();
  const auto view_parts = parts_of(view, before->sizes),
             image_parts = parts_of(before->sizes, view);
  if (!view_parts || !image_parts) return std::nullopt;
  const Sizes parts = joined(*view_parts), order = moved(*view_parts, axes);
  // Split again at the boundaries of the result's axes.
  Sizes turned;
  for (const std::int64_t part : order) turned.push_back(parts[static_cast<std::size_t>(part)]);
  const auto finer = parts_of(turned, after->sizes), result_parts = parts_of(after->sizes, turned);
  if (!finer || !result_parts) return std::nullopt;
  const std::vector<Sizes> in_order = in_place(*finer, order);
  std::vector<bool> of_pixels;
  const std::vector<bool> coarse = parts_of_pixels(*before, *image_parts);
  for (std::size_t i = 0; i < in_order.size(); ++i)
    of_pixels.insert(of_pixels.end(), in_order[i].size(), coarse[i]);

  Sizes numbers(of_pixels.size());
  std::iota(numbers.begin(), numbers.end(), 0);
  const Sizes memory = in_memory(numbers, of_pixels);
  const Sizes result = in_memory(moved(in_order, order), parts_of_pixels(*after, *result_parts));
  Rearrangement rearrangement{.dims = in_memory(joined(in_order), of_pixels),
                              .axes = {},
                              .size = {to.channels, to.height, to.width}};
  for (const std::int64_t number : result)
    rearrangement.axes.push_back(std::ranges::find(memory, number) - memory.begin());
  return rearrangement;
}

std::optional<Rearrangement> rearrangement(const Value& from, const Value& to) {
  Sizes axes(from.dims().size());
  std::iota(axes.begin(), axes.end(), 0);
  return rearrangement(from, axes, to);
}

}  // namespace quench::onnx
