#pragma once

// Private to the folder: constants as parameters of a module.

#include <cstdint>
#include <vector>

#include "core/tensor.h"
#include "onnx/file/model.h"
#include "onnx/import/value.h"

namespace quench::onnx_network {

/// The numbers that a constant gives to each channel of `value` when it is broadcast over it, in quench's
/// order; one number if it is the same for all.
/// @throws std::invalid_argument  for one that differs from place to place
std::vector<float> per_channel(const OnnxTensor& constant, const Value& value);

/// A constant [count]. @throws std::invalid_argument  for other dims
std::vector<float> vector_of(const OnnxTensor& constant, std::int64_t count);

/// [C] or [1].
Tensor to_tensor(const std::vector<float>& numbers);

}  // namespace quench::onnx_network
