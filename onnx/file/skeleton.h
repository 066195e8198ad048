#pragma once

// Private to the room.

#include <cstddef>
#include <span>
#include <string>

namespace quench::onnx_file {

/// Where in a file a tensor's numbers lie, in bytes.
struct PayloadPlace {
  std::size_t offset = 0, size = 0;
};

/// An ONNX file without the numbers of its initializers' and Constant nodes' tensors, which may be nearly
/// all of it: a message whose raw_data say where in the file they lie. Numbers that lie in float_data as
/// they would in raw_data become such too.
/// @param name  begins messages
/// @throws std::runtime_error  if the bytes are no such message
std::string skeleton_of(std::span<const std::byte> file, const std::string& name);

/// What raw_data of a skeleton's tensor say.
PayloadPlace payload_place(const std::string& raw_data);

}  // namespace quench::onnx_file
