#pragma once

#include <filesystem>

#include "onnx/file/model.h"

namespace quench::onnx {

/// Writes the model as an ONNX file (IR version 7) after it passes ONNX's checker. A model with an
/// operator set newer than this build's ONNX library is not checked.
/// @throws std::runtime_error  if the file cannot be written, the model is too large for one file
///                             (2 GiB), or this build lacks ONNX (Meson option onnx)
/// @return  the file's size in bytes
std::size_t write_onnx(const std::filesystem::path& path, const OnnxModel& model);

}  // namespace quench::onnx
