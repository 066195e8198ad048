#pragma once

// Private to the room.

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>

#include "support/shared_bytes.h"

namespace quench::onnx_file {

/// The values of a model's tensors, which are in its own file or in files next to it.
class TensorData {
 public:
  /// @param file    whose skeleton_of() the tensors are of
  /// @param folder  of the model: nothing outside it is read
  TensorData(SharedBytes file, std::filesystem::path folder)
      : file_(std::move(file)), folder_(std::move(folder)) {}

  /// The tensor's raw_data or external data, where they lie.
  /// @param where  begins messages: "net.onnx: tensor 'conv.weight'"
  /// @param bytes  that its dims take
  /// @throws std::runtime_error  if there are more or fewer; if a file with external data is missing,
  ///                             outside the folder (also by a link), or too small, or all tensors
  ///                             together take more than is in it
  SharedBytes of(const ::onnx::TensorProto& tensor, const std::string& where, std::uint64_t bytes);

 private:
  struct External {
    SharedBytes file;
    std::uint64_t taken = 0;  ///< bytes of it
  };

  SharedBytes external(const ::onnx::TensorProto& tensor, const std::string& where,
                       std::uint64_t bytes);
  External& open(const std::string& location, const std::string& where);

  SharedBytes file_;
  std::filesystem::path folder_;
  std::map<std::filesystem::path, External> external_;
};

}  // namespace quench::onnx_file
