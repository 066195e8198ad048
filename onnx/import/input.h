#pragma once

// Private to the folder: the input images of a graph.

#include <string>

#include "layers/models/model_input.h"
#include "onnx/file/model.h"
#include "onnx/import/value.h"

namespace quench::onnx {

/// The graph's input for a data set's images, which define the sizes that the graph leaves open.
/// @param file  begins messages
/// @throws std::runtime_error  if the sizes do not match
Value input_value(const OnnxModel& model, const std::string& file,
                  const layers::models::ModelInput& data);

/// The image sizes declared by the graph; the number of classes is 0.
/// @throws std::runtime_error  if a size other than the batch's is open
layers::models::ModelInput images_of(const OnnxModel& model, const std::string& file);

}  // namespace quench::onnx
