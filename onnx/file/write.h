#pragma once

#include <filesystem>

#include "onnx/file/model.h"

namespace quench {

/// Writes the model as an ONNX file (IR version 7), once ONNX's own checker has accepted it. Of an operator
/// set that is newer than this build's ONNX library, which knows nothing of it, the model is not checked.
/// @throws std::runtime_error  if the file cannot be written, the model is too large for one file
///                             (2 GiB), or this build has no ONNX (Meson option onnx)
/// @return  the file's bytes
std::size_t write_onnx(const std::filesystem::path& path, const OnnxModel& model);

}  // namespace quench
