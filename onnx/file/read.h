#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

#include "onnx/file/model.h"

namespace quench {

/// Reads an ONNX file: IR versions from 3 on, operator sets from 7 on, one input of floats.
///
/// Which operators quench builds is not asked here; the model has the nodes that its output needs, in
/// an order in which they can be computed. Constants are what they read: initializers, also those
/// that are listed as inputs, and what Constant nodes hold. Numbers in files beside the model (external
/// data) are read; those files must lie in its folder.
///
/// Constants of FLOAT, DOUBLE, FLOAT16 and BFLOAT16 become f32; of INT64, INT32 and BOOL s64; INT8 and
/// UINT8 stay. Of attributes that no operator of a network has (graphs, types, lists of texts) the model
/// has the kind alone, and none of other domains' operators.
///
/// Nothing in the file is trusted: sizes are compared with what is there before anything is allocated,
/// memory stays within a small multiple of the file's size, and names are UTF-8 without control
/// characters.
/// @param output  the value at which the network ends: an output of the graph, or any that a node
///                computes. Empty: the graph's output, which has to be its only one
/// @throws std::runtime_error  naming the file, the node or tensor, and what would be accepted; or if
///                             this build has no ONNX (Meson option onnx)
OnnxModel read_onnx(const std::filesystem::path& path, const std::string& output = {});

/// The same of a file's bytes.
/// @param name    begins messages
/// @param folder  of files with external data
OnnxModel parse_onnx(std::span<const std::byte> bytes, const std::string& name,
                     const std::filesystem::path& folder, const std::string& output = {});

/// The version of this build's ONNX library, e.g. "1.12.0"; empty in a build without ONNX.
std::string onnx_version();

}  // namespace quench
