#pragma once

// Private to onnx/.

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "onnx/file/model.h"
#include "onnx/file/tensor_data.h"

namespace quench::onnx {

/// Reads a tensor and names it `name`. Floats of any width become f32; int32, int64 and bool become
/// s64; int8 and uint8 stay. The number of bytes is checked against the dims before anything is
/// allocated.
/// @param file  begins messages
/// @throws std::runtime_error  naming the tensor: for another type, dims that do not match the
///                             data, a value outside its type's range, a NaN, or an infinity that
///                             is not a scalar (a bound of Clip); see TensorData too
OnnxTensor read_tensor(const ::onnx::TensorProto& proto, const std::string& name,
                       const std::string& file, TensorData& data);

/// A scalar or list, as in Constant nodes without a tensor.
OnnxTensor make_tensor(const std::string& name, std::vector<std::int64_t> dims,
                       std::span<const float> values);
OnnxTensor make_tensor(const std::string& name, std::vector<std::int64_t> dims,
                       std::span<const std::int64_t> values);

/// ONNX's name of an element type, e.g. "FLOAT16".
std::string type_name(int data_type);

}  // namespace quench::onnx
