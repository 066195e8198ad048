#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>

#include "core/tensor.h"

namespace quench {

/// Named tensors and texts: what a .safetensors file holds
/// (https://github.com/huggingface/safetensors).
struct TensorFile {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

/// Reads a file that any safetensors writer made. Types F32, F64, I32, I8 and U8, and F16 and BF16,
/// which become f32; rank 0 to 4. Values are row-major in the file and in memory order (see Tensor)
/// after reading.
///
/// Nothing in the file is trusted: the header is checked against the file's size before anything is
/// allocated, and tensors must cover the data exactly, without overlap or hole. A file from
/// write_safetensors() carries a checksum, which is verified.
/// @param wanted  says by its name whether a tensor is read; one that is not may have any type and
///                rank. Empty: all are
/// @throws std::runtime_error  naming file, tensor and the value that is wrong
TensorFile read_safetensors(const std::filesystem::path& path,
                            const std::function<bool(const std::string&)>& wanted = {});

/// The same of a file's bytes. @param name  for messages
TensorFile parse_safetensors(std::span<const std::byte> bytes, const std::string& name,
                             const std::function<bool(const std::string&)>& wanted = {});

/// Writes `file` atomically (see write_file_atomically), with a checksum over names, metadata and
/// values in the metadata key "quench_checksum", which read_safetensors() keeps to itself.
/// @throws std::invalid_argument  for an undefined tensor, or a name or text that is not UTF-8
/// @throws std::runtime_error     if the file cannot be written
void write_safetensors(const std::filesystem::path& path, const TensorFile& file);

}  // namespace quench
