#pragma once

// Private to the room.

#include <onnx/onnx_pb.h>

#include <string>

#include "onnx/file/model.h"
#include "onnx/file/tensor_data.h"

namespace quench::onnx_file {

/// How messages call a node: "node 'conv1' (Conv)".
std::string describe(const ::onnx::NodeProto& proto);

/// Whether the operator has more outputs than one that networks read: Split, of ONNX's own.
bool has_several_outputs(const ::onnx::NodeProto& proto);

/// Whether its operators are ONNX's own.
bool is_own_domain(const std::string& domain);

/// "Conv"; of an operator that is not ONNX's own, "domain.Conv". QONNX's operators have the name of
/// their domain of today, kQonnx, whichever of its names the file has.
std::string operator_name(const ::onnx::NodeProto& proto);

/// The node with its attributes, for the first of its outputs. A node of another domain's operator, but
/// QONNX, is known by its operator alone.
/// @param file  begins messages
/// @throws std::runtime_error  naming node and attribute, for one without a type, given twice, a NaN,
///                             or a text that is not UTF-8; see read_tensor() too
OnnxNode read_node(const ::onnx::NodeProto& proto, const std::string& file, TensorData& data);

/// What a Constant node holds, under its output's name.
/// @throws std::runtime_error  naming the node, for anything but floats and integers
OnnxTensor read_constant(const ::onnx::NodeProto& proto, const std::string& file, TensorData& data);

}  // namespace quench::onnx_file
