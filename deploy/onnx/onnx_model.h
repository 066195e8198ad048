#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace quench::deploy {

// What an ONNX file holds, as far as quench writes it (operator set 13). Images are [N, C, H, W] with
// any N, in memory as ONNX has it, so no longer channels-last.

enum class OnnxType : std::uint8_t { f32, s8, u8, s64 };

/// A constant: weights, scales, zero points, sizes.
struct OnnxTensor {
  std::string name;
  OnnxType type = OnnxType::f32;
  std::vector<std::int64_t> dims;  ///< none: a scalar
  std::vector<std::byte> bytes;    ///< of its elements, row-major
};

using OnnxAttribute = std::variant<std::int64_t, float, std::vector<std::int64_t>>;
using OnnxAttributes = std::map<std::string, OnnxAttribute>;

/// One operator; its name is that of its only output.
struct OnnxNode {
  std::string op;
  std::vector<std::string> inputs;
  std::string output;
  OnnxAttributes attributes;
};

struct OnnxModel {
  static constexpr int kOpset = 13;

  std::string name = "network";
  std::string input = "images", output = "logits";
  std::array<std::int64_t, 3> image{};  ///< C, H, W
  std::int64_t classes = 0;
  std::vector<OnnxTensor> constants;
  std::vector<OnnxNode> nodes;                  ///< each after those whose outputs it reads
  std::map<std::string, std::string> metadata;  ///< for the user of the file
};

}  // namespace quench::deploy
