#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "onnx/file/model.h"

namespace quench::onnx {

/// Reads an ONNX file with IR version 3 or later, operator set 7 or later, and one float input.
///
/// The model has the nodes that its output depends on, in topological order; whether quench
/// supports their operators is checked later. Its constants are the initializers that nodes read,
/// including those listed as inputs, and the values of Constant nodes. External data is read from
/// files in the model's folder.
///
/// FLOAT, DOUBLE, FLOAT16 and BFLOAT16 constants become f32; INT64, INT32 and BOOL become s64; INT8
/// and UINT8 stay. For attributes that no supported operator has (graphs, types, lists of strings),
/// the model has only the kind. Attributes of other domains' operators are skipped.
///
/// Nothing in the file is trusted: sizes are checked against the available data before anything is
/// allocated, memory stays within a small multiple of the file's size, and names are UTF-8 without
/// control characters.
/// @param output  the network's output: an output of the graph or any value computed by a node. If
///                empty, the graph must have exactly one output
/// @throws std::runtime_error  naming the file, the node or tensor, and what is accepted; or if
///                             this build lacks ONNX (Meson option onnx)
OnnxModel read_onnx(const std::filesystem::path& path, const std::string& output = {});

/// The same for a file's bytes.
/// @param name    begins messages
/// @param folder  contains files with external data
OnnxModel parse_onnx(std::span<const std::byte> bytes, const std::string& name,
                     const std::filesystem::path& folder, const std::string& output = {});

/// The version of this build's ONNX library, e.g. "1.12.0"; empty in a build without ONNX.
std::string onnx_version();

}  // namespace quench::onnx
