#pragma once

// Private to the room.

#include <google/protobuf/arena.h>
#include <onnx/onnx_pb.h>

#include <cstddef>
#include <span>
#include <string>

namespace quench::onnx_file {

/// An ONNX file as protobuf parses it, in memory that is limited: two bytes of a file can make a
/// message of hundreds.
class ParsedModel {
 public:
  /// @param name  begins messages
  /// @throws std::runtime_error  if the bytes are no such messages, or messages that take more memory
  ///                             than 4 bytes for each byte of the file and 128 MiB
  ParsedModel(std::span<const std::byte> bytes, const std::string& name);

  const ::onnx::ModelProto& operator*() const { return *model_; }

 private:
  google::protobuf::Arena arena_;
  const ::onnx::ModelProto* model_;
};

}  // namespace quench::onnx_file
