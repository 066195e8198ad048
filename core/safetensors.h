#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>

#include "core/tensor.h"

namespace quench {

/// The contents of a .safetensors file: named tensors and string metadata
/// (https://github.com/huggingface/safetensors).
struct TensorFile {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

/// Reads a .safetensors file from any writer. Supports types F32, F64, I32, I8 and U8, and F16 and
/// BF16, which become f32; ranks 0 to 4. Values are row-major in the file and in memory order (see
/// Tensor) after reading.
///
/// The file is not trusted: the header is checked against the file size before any allocation, and
/// tensors must cover the data exactly, without overlaps or gaps. Files from write_safetensors()
/// carry a checksum, which is verified.
/// @param wanted  returns, by name, whether to read a tensor; a skipped tensor may have any type
///                and rank. Empty: reads all
/// @throws std::runtime_error  naming file, tensor and the wrong value
TensorFile read_safetensors(const std::filesystem::path& path,
                            const std::function<bool(const std::string&)>& wanted = {});

/// The same for the bytes of a file. @param name  for messages
TensorFile parse_safetensors(std::span<const std::byte> bytes, const std::string& name,
                             const std::function<bool(const std::string&)>& wanted = {});

/// Writes `file` atomically (see write_file_atomically()), with a checksum over names, metadata and
/// values in the metadata key "quench_checksum". read_safetensors() removes that key.
/// @throws std::invalid_argument  for an undefined tensor, or a name or string that is not UTF-8
/// @throws std::runtime_error     if the file cannot be written
void write_safetensors(const std::filesystem::path& path, const TensorFile& file);

}  // namespace quench
