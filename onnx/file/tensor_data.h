#pragma once

// Private to onnx/.

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>

#include "support/shared_bytes.h"

namespace quench::onnx {

/// The data of a model's tensors, in its own file or in files next to it.
class TensorData {
 public:
  /// @param file    the file whose skeleton_of() contains the tensors
  /// @param folder  the model's folder; nothing outside it is read
  TensorData(SharedBytes file, std::filesystem::path folder)
      : file_(std::move(file)), folder_(std::move(folder)) {}

  /// The tensor's raw_data or external data, without a copy.
  /// @param where  begins messages: "net.onnx: tensor 'conv.weight'"
  /// @param bytes  size according to its dims
  /// @throws std::runtime_error  if the size differs, or if a file with external data is missing,
  ///                             outside the folder (also by a link), or too small for its tensors
  SharedBytes of(const ::onnx::TensorProto& tensor, const std::string& where, std::uint64_t bytes);

 private:
  struct External {
    SharedBytes file;
    std::uint64_t taken = 0;  ///< bytes used by tensors
  };

  SharedBytes external(const ::onnx::TensorProto& tensor, const std::string& where,
                       std::uint64_t bytes);
  External& open(const std::string& location, const std::string& where);

  SharedBytes file_;
  std::filesystem::path folder_;
  std::map<std::filesystem::path, External> external_;
};

}  // namespace quench::onnx
