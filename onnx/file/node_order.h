#pragma once

// Private to onnx/.

#include <onnx/onnx_pb.h>

#include <string>
#include <vector>

namespace quench::onnx {

/// The nodes that `output` depends on, sorted: each after the nodes whose outputs it reads,
/// otherwise in the file's order.
/// @param file  begins messages
/// @throws std::runtime_error  for two values with one name, an unknown value that is read, a cycle
///                             of nodes (naming them), more than 100 000 nodes, or a read output
///                             that is not its node's first
std::vector<const ::onnx::NodeProto*> needed_nodes(const ::onnx::GraphProto& graph,
                                                   const std::string& output,
                                                   const std::string& file);

}  // namespace quench::onnx
