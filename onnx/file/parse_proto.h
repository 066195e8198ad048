#pragma once

// Private to onnx/.

#include <google/protobuf/arena.h>
#include <onnx/onnx_pb.h>

#include <cstddef>
#include <span>
#include <string>

namespace quench::onnx {

/// An ONNX file parsed by protobuf, except for the tensors' data, which stay in the file (see
/// skeleton_of()). Memory is limited: two bytes of a file can expand to a message of hundreds.
class ParsedModel {
 public:
  /// @param bytes  of the file
  /// @param name   begins messages
  /// @throws std::runtime_error  if the bytes are no such messages, or the messages take more than
  ///                             4 bytes of memory per byte plus 128 MiB
  ParsedModel(std::span<const std::byte> bytes, const std::string& name);

  const ::onnx::ModelProto& operator*() const { return *model_; }

 private:
  ParsedModel(const std::string& name, const std::string& skeleton);

  google::protobuf::Arena arena_;
  const ::onnx::ModelProto* model_;
};

}  // namespace quench::onnx
