#pragma once

// Private to the folder: the numbers of constants, and what modules make of them.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "onnx/file/model.h"
#include "onnx/import/value.h"

namespace quench::onnx_network {

/// The constants that a node reads; null: one that is left out.
using Constants = std::vector<const OnnxTensor*>;

/// The numbers of a constant. @throws std::invalid_argument  for one of another type, naming it
std::vector<float> floats(const OnnxTensor& tensor);
std::vector<std::int64_t> integers(const OnnxTensor& tensor);

/// "[64, 3, 7, 7]"
std::string dims_text(const std::vector<std::int64_t>& dims);

/// The numbers that a constant gives to each channel of `value` when it is broadcast over it, in quench's
/// order; one number if it is the same for all.
/// @throws std::invalid_argument  for one that differs from place to place
std::vector<float> per_channel(const OnnxTensor& constant, const Value& value);

/// The axis of `value`, counted with the batch, along which a constant differs that is broadcast over it;
/// nothing if it does along none or several.
std::optional<std::size_t> axis_of_constant(const OnnxTensor& constant, const Value& value);

/// Whether a constant differs from place to place of an image: [C, H, W], or with a batch of 1 before.
bool is_per_place(const OnnxTensor& constant, const Value& value);

/// A constant [count]. @throws std::invalid_argument  for other dims
std::vector<float> vector_of(const OnnxTensor& constant, std::int64_t count);

/// [C] or [1].
Tensor to_tensor(const std::vector<float>& numbers);

}  // namespace quench::onnx_network
