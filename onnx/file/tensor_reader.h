#pragma once

// Private to the room.

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "onnx/file/model.h"
#include "onnx/file/tensor_data.h"

namespace quench::onnx_file {

/// The tensor under `name`. Floats of any width become f32; int32, int64 and bool s64; int8 and uint8
/// stay. The number of bytes is compared with the dims before anything is allocated.
/// @param file  begins messages
/// @throws std::runtime_error  naming the tensor: for another type, dims that are not those of the
///                             numbers, a number that its type does not hold, a NaN, and an infinity
///                             that is not a number by itself (a bound of Clip); see TensorData too
OnnxTensor read_tensor(const ::onnx::TensorProto& proto, const std::string& name,
                       const std::string& file, TensorData& data);

/// A scalar or a list, as Constant has them without a tensor.
OnnxTensor make_tensor(const std::string& name, std::vector<std::int64_t> dims,
                       std::span<const float> values);
OnnxTensor make_tensor(const std::string& name, std::vector<std::int64_t> dims,
                       std::span<const std::int64_t> values);

/// "FLOAT16": what ONNX calls a type of elements.
std::string type_name(int data_type);

}  // namespace quench::onnx_file
