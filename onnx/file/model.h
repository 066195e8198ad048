#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "support/shared_bytes.h"

namespace quench::onnx {

// The supported content of an ONNX file: a graph from float images to logits. Its memory layout is
// ONNX's [N, C, H, W], not channels-last.

/// 4-bit codes take a byte each.
enum class OnnxType : std::uint8_t { f32, s8, u8, s4, u4, s64 };

/// A constant: weights, scales, zero points, sizes.
struct OnnxTensor {
  std::string name;
  OnnxType type = OnnxType::f32;
  std::vector<std::int64_t> dims;  ///< empty for a scalar
  SharedBytes bytes;               ///< of its elements, row-major

  bool operator==(const OnnxTensor&) const = default;
};

/// An attribute of a kind that no supported operator has: a graph, a type, a list of strings.
struct OnnxOther {
  std::string kind;  ///< "GRAPH"
  bool operator==(const OnnxOther&) const = default;
};

using OnnxAttribute = std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>,
                                   std::vector<float>, OnnxTensor, OnnxOther>;
using OnnxAttributes = std::map<std::string, OnnxAttribute>;

/// The domain of QONNX's operators (Pappalardo et al. 2022, arXiv:2206.07527).
inline constexpr const char* kQonnx = "qonnx.custom_op.general";

/// One output of an operator. Split has several outputs and becomes one node per output that is
/// read. Only the first output of other operators is read; the rest are masks and training
/// statistics.
struct OnnxNode {
  std::string op;                   ///< "domain.op" if it is not ONNX's own
  std::vector<std::string> inputs;  ///< empty for an omitted optional input
  std::string output;
  OnnxAttributes attributes;
  std::string name = {};  ///< for messages; if empty, the output's name
  /// The index of the operator's output, and the number of outputs.
  std::int64_t output_index = 0, output_count = 1;
};

/// An input or output of the graph.
struct OnnxValue {
  static constexpr std::int64_t kAnySize = -1;

  std::string name;
  std::vector<std::int64_t> dims;  ///< each a size or kAnySize
  /// The file's name of each dim that is kAnySize ("batch"), for messages; "" for unnamed dims and
  /// sizes. Empty if there are no names.
  std::vector<std::string> dim_names = {};
};

struct OnnxModel {
  std::string name = "network";
  std::int64_t opset = 13;  ///< version of the operator set
  OnnxValue input{"images", {}}, output{"logits", {}};
  std::vector<OnnxTensor> constants;
  std::vector<OnnxNode> nodes;                  ///< each after the nodes whose outputs it reads
  std::map<std::string, std::string> metadata;  ///< for users of the file
};

}  // namespace quench::onnx
