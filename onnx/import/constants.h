#pragma once

// Private to the folder: the values of constants, converted for modules.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "onnx/file/model.h"
#include "onnx/import/value.h"

namespace quench::onnx {

/// The constants that a node reads; null for an omitted input.
using Constants = std::vector<const OnnxTensor*>;

/// The values of a constant. @throws std::invalid_argument  naming it, if it has another type
std::vector<float> floats(const OnnxTensor& tensor);
std::vector<std::int64_t> integers(const OnnxTensor& tensor);

/// "[64, 3, 7, 7]"
std::string dims_text(const std::vector<std::int64_t>& dims);

/// The value for each channel when a constant is broadcast over `value`, in quench's order; one
/// value if all channels share it.
/// @throws std::invalid_argument  if the constant differs between pixels
std::vector<float> per_channel(const OnnxTensor& constant, const Value& value);

/// The axis of `value`, counting the batch, along which a broadcast constant varies; null if it
/// varies along none or several.
std::optional<std::size_t> axis_of_constant(const OnnxTensor& constant, const Value& value);

/// Whether a constant has a value per pixel of an image: [C, H, W] or [1, C, H, W].
bool is_per_place(const OnnxTensor& constant, const Value& value);

/// The values of a constant [count]. @throws std::invalid_argument  for other dims
std::vector<float> vector_of(const OnnxTensor& constant, std::int64_t count);

/// A tensor [C] or [1].
Tensor to_tensor(const std::vector<float>& numbers);

}  // namespace quench::onnx
