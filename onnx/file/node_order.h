#pragma once

// Private to the room.

#include <onnx/onnx_pb.h>

#include <string>
#include <vector>

namespace quench::onnx_file {

/// The nodes that the value `output` needs, each after those whose outputs it reads, else in the
/// file's order.
/// @param file  begins messages
/// @throws std::runtime_error  for two values of one name, a value that is read and is not there, nodes
///                             in a circle (naming them), more than 100 000 nodes, and outputs behind a
///                             node's first that are read
std::vector<const ::onnx::NodeProto*> needed_nodes(const ::onnx::GraphProto& graph,
                                                   const std::string& output,
                                                   const std::string& file);

}  // namespace quench::onnx_file
