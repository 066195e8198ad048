#pragma once

// Private to the folder: the sizes of activations, of which the number of images is none that a graph
// could know.

#include <cstdint>
#include <string>
#include <vector>

#include "onnx/import/builder.h"

namespace quench::onnx_network {

/// The dims of an activation as the graph has them, kBatch in front.
std::vector<std::int64_t> sizes_of(const Value& value);
/// "[N, 64, 7, 7]"
std::string sizes_text(const std::vector<std::int64_t>& sizes);

/// The part of a tensor's dims that a Shape gives.
std::vector<std::int64_t> shape_of(const ShapeAttributes& attributes,
                                   const std::vector<std::int64_t>& dims);

/// The axes that a node names, as an input or an attribute, counted from 0 and sorted; none if it names
/// none.
/// @throws std::invalid_argument  for axes that a tensor of so many does not have
std::vector<std::int64_t> axes_of(const Builder& builder, const OnnxNode& node,
                                  const AxesAttributes& attributes, std::size_t rank);

/// The sizes behind the batch that a Reshape to `target` gives an activation of `sizes`; 0 stands for the
/// size there was, -1 for what is left.
/// @param images  the graph's own batch size, or kAnySize
/// @throws std::invalid_argument  unless the batch stays in front and the numbers fit
std::vector<std::int64_t> reshaped(const std::vector<std::int64_t>& sizes,
                                   std::vector<std::int64_t> target, std::int64_t images);

}  // namespace quench::onnx_network
