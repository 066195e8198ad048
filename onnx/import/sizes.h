#pragma once

// Private to the folder: the sizes of activations. The graph does not know the number of images.

#include <cstdint>
#include <string>
#include <vector>

#include "onnx/import/builder.h"

namespace quench::onnx {

/// The dims of an activation in the graph, with kBatch first.
std::vector<std::int64_t> sizes_of(const Value& value);
/// "[N, 64, 7, 7]"
std::string sizes_text(const std::vector<std::int64_t>& sizes);

/// The part of a tensor's dims that a Shape returns.
std::vector<std::int64_t> shape_of(const ShapeAttributes& attributes,
                                   const std::vector<std::int64_t>& dims);

/// The axes that a node names, as an input or an attribute, counted from 0 and sorted; empty if it
/// names none.
/// @throws std::invalid_argument  for axes outside a tensor of this rank
std::vector<std::int64_t> axes_of(const Builder& builder, const OnnxNode& node,
                                  const AxesAttributes& attributes, std::size_t rank);

/// The sizes after the batch when a Reshape to `target` reads an activation of `sizes`; 0 keeps a
/// size, -1 is inferred.
/// @param images  the graph's batch size, or kAnySize
/// @throws std::invalid_argument  unless the batch stays first and the number of values matches
std::vector<std::int64_t> reshaped(const std::vector<std::int64_t>& sizes,
                                   std::vector<std::int64_t> target, std::int64_t images);

}  // namespace quench::onnx
