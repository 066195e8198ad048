#pragma once

// Private to the room.

#include <onnx/onnx_pb.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace quench::onnx_file {

/// Numbers of tensors that lie in files beside the model's.
class ExternalData {
 public:
  /// @param folder  of the model: nothing outside it is read
  explicit ExternalData(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// The tensor's bytes. Nothing is allocated before the file is known to hold them.
  /// @param where  begins messages: "net.onnx: tensor 'conv.weight'"
  /// @param bytes  that its dims take
  /// @throws std::runtime_error  if the file is missing, outside the folder (also by a link), or too
  ///                             small, or all tensors together take more than is in it
  std::vector<std::byte> read(const ::onnx::TensorProto& tensor, const std::string& where,
                              std::uint64_t bytes);

 private:
  std::filesystem::path find(const std::string& location, const std::string& where) const;

  std::filesystem::path folder_;
  std::map<std::filesystem::path, std::uint64_t> taken_;  // bytes of each file
};

}  // namespace quench::onnx_file
