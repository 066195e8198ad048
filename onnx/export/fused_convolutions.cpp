#include "onnx/export/fused_convolutions.h"

#include <map>
#include <string>
#include <vector>

namespace quench::onnx {

FusedConvolutions fused_convolutions(const OnnxModel& model) {
  std::map<std::string, std::string> writers;               // the operator that computes it
  std::map<std::string, std::vector<std::string>> readers;  // the operators that read it
  for (const OnnxNode& node : model.nodes) {
    writers[node.output] = node.op;
    for (const std::string& input : node.inputs) readers[input].push_back(node.op);
  }
  FusedConvolutions result;
  for (const OnnxNode& node : model.nodes) {
    if (node.op != "Conv") continue;
    const auto dequantized = [&](const std::string& operand) {
      return writers[operand] == "DequantizeLinear";
    };
    const bool reads_codes = dequantized(node.inputs[0]) && dequantized(node.inputs[1]);
    const bool gives_codes = readers[node.output] == std::vector<std::string>{"QuantizeLinear"};
    (reads_codes && gives_codes ? result.fused : result.others).push_back(node.output);
  }
  return result;
}

}  // namespace quench::onnx
