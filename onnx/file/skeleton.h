#pragma once

// Private to onnx/.

#include <cstddef>
#include <span>
#include <string>

namespace quench::onnx {

/// The position of a tensor's data in a file, in bytes.
struct PayloadPlace {
  std::size_t offset = 0, size = 0;
};

/// An ONNX file without the data of its initializers and Constant nodes, which may be nearly all of
/// it: a message whose raw_data fields hold positions in the file instead. Packed float_data is
/// treated like raw_data.
/// @param name  begins messages
/// @throws std::runtime_error  if the bytes are no such message
std::string skeleton_of(std::span<const std::byte> file, const std::string& name);

/// Decodes raw_data of a skeleton's tensor.
PayloadPlace payload_place(const std::string& raw_data);

}  // namespace quench::onnx
