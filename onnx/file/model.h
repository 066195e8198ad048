#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "support/shared_bytes.h"

namespace quench {

// What an ONNX file holds, as far as quench knows it: a graph of float images to logits, whose memory
// is ONNX's, [N, C, H, W], so no longer channels-last.

/// Codes of 4 bits take a byte each.
enum class OnnxType : std::uint8_t { f32, s8, u8, s4, u4, s64 };

/// A constant: weights, scales, zero points, sizes.
struct OnnxTensor {
  std::string name;
  OnnxType type = OnnxType::f32;
  std::vector<std::int64_t> dims;  ///< none: a scalar
  SharedBytes bytes;               ///< of its elements, row-major

  bool operator==(const OnnxTensor&) const = default;
};

/// An attribute of a kind that no operator of a network has: a graph, a type, a list of texts.
struct OnnxOther {
  std::string kind;  ///< "GRAPH"
  bool operator==(const OnnxOther&) const = default;
};

using OnnxAttribute = std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>,
                                   std::vector<float>, OnnxTensor, OnnxOther>;
using OnnxAttributes = std::map<std::string, OnnxAttribute>;

/// The domain of QONNX's operators (Pappalardo et al. 2022, arXiv:2206.07527).
inline constexpr const char* kQonnx = "qonnx.custom_op.general";

/// One operator's output. Split, which has several, is as many nodes, one for each output that is read;
/// of others nothing reads more than the first (masks, statistics of training).
struct OnnxNode {
  std::string op;                   ///< one that is not ONNX's own: "domain.op"
  std::vector<std::string> inputs;  ///< empty: an optional one that is left out
  std::string output;
  OnnxAttributes attributes;
  std::string name = {};  ///< what messages call it; empty: its output's name
  /// Which of the operator's outputs it is, and how many there are.
  std::int64_t output_index = 0, output_count = 1;
};

/// A tensor that enters or leaves the graph.
struct OnnxValue {
  static constexpr std::int64_t kAnySize = -1;

  std::string name;
  std::vector<std::int64_t> dims;  ///< each a size or kAnySize
  /// What the file calls each of `dims` that is kAnySize ("batch"), for messages; "" without a name,
  /// and for a size. Empty: no names.
  std::vector<std::string> dim_names = {};
};

struct OnnxModel {
  std::string name = "network";
  std::int64_t opset = 13;  ///< version of the operator set
  OnnxValue input{"images", {}}, output{"logits", {}};
  std::vector<OnnxTensor> constants;
  std::vector<OnnxNode> nodes;                  ///< each after those whose outputs it reads
  std::map<std::string, std::string> metadata;  ///< for the user of the file
};

}  // namespace quench
