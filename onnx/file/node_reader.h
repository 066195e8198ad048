#pragma once

// Private to onnx/.

#include <onnx/onnx_pb.h>

#include <string>

#include "onnx/file/model.h"
#include "onnx/file/tensor_data.h"

namespace quench::onnx {

/// The name of a node in messages: "node 'conv1' (Conv)".
std::string describe(const ::onnx::NodeProto& proto);

/// Whether networks read several of the operator's outputs: only for ONNX's Split.
bool has_several_outputs(const ::onnx::NodeProto& proto);

/// Whether the domain's operators are ONNX's own.
bool is_own_domain(const std::string& domain);

/// "Conv", or "domain.Conv" for an operator that is not ONNX's own. QONNX's operators always get
/// their current domain, kQonnx, also if the file uses an older name.
std::string operator_name(const ::onnx::NodeProto& proto);

/// The node with its attributes, for its first output. Attributes are not read for operators of
/// domains other than ONNX and QONNX.
/// @param file  begins messages
/// @throws std::runtime_error  naming node and attribute, for an attribute without a type or given
///                             twice, a NaN, or a string that is not UTF-8; see read_tensor() too
OnnxNode read_node(const ::onnx::NodeProto& proto, const std::string& file, TensorData& data);

/// The value of a Constant node, with its output's name.
/// @throws std::runtime_error  naming the node, for anything but floats and integers
OnnxTensor read_constant(const ::onnx::NodeProto& proto, const std::string& file, TensorData& data);

}  // namespace quench::onnx
