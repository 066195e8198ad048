#pragma once

// Private to the room.

#include <google/protobuf/arena.h>
#include <onnx/onnx_pb.h>

#include <cstddef>
#include <span>
#include <string>

namespace quench::onnx_file {

/// An ONNX file as protobuf parses it, but for the numbers of its tensors, which stay where they are (see
/// skeleton_of()). Its memory is limited: two bytes of a file can make a message of hundreds.
class ParsedModel {
 public:
  /// @param bytes  of the file
  /// @param name   begins messages
  /// @throws std::runtime_error  if the bytes are no such messages, or messages that take more memory
  ///                             than 4 bytes for each byte of them and 128 MiB
  ParsedModel(std::span<const std::byte> bytes, const std::string& name);

  const ::onnx::ModelProto& operator*() const { return *model_; }

 private:
  ParsedModel(const std::string& name, const std::string& skeleton);

  google::protobuf::Arena arena_;
  const ::onnx::ModelProto* model_;
};

}  // namespace quench::onnx_file
