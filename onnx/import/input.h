#pragma once

// Private to the folder: the images that enter a graph.

#include <string>

#include "layers/models/model_input.h"
#include "onnx/file/model.h"
#include "onnx/import/value.h"

namespace quench::onnx_network {

/// The graph's input for a data set's images, whose sizes are those that the graph leaves open.
/// @param file  begins messages
/// @throws std::runtime_error  if it takes others
Value input_value(const OnnxModel& model, const std::string& file, const models::ModelInput& data);

/// The sizes of the images as the graph has them, with no number of classes.
/// @throws std::runtime_error  if one is left open, other than the batch's
models::ModelInput images_of(const OnnxModel& model, const std::string& file);

}  // namespace quench::onnx_network
