#pragma once

// Small ONNX graphs with drawn weights.

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/random.h"
#include "onnx/file/model.h"

namespace quench::onnx {

/// Images [N, 3, 9, 8] to logits [N, 4] by default.
class GraphMaker {
 public:
  explicit GraphMaker(std::int64_t opset = 13) : random_(7, "graph") {
    model.opset = opset;
    model.input = {"images", {OnnxValue::kAnySize, 3, 9, 8}};
    model.output = {"logits", {OnnxValue::kAnySize, 4}};
  }

  /// Adds a constant and returns its name.
  std::string integers(std::vector<std::int64_t> dims, const std::vector<std::int64_t>& values) {
    return add(OnnxType::s64, std::move(dims), std::as_bytes(std::span(values)));
  }
  std::string floats(std::vector<std::int64_t> dims, const std::vector<float>& values) {
    return add(OnnxType::f32, std::move(dims), std::as_bytes(std::span(values)));
  }
  std::string drawn(std::vector<std::int64_t> dims, float low = -0.5f, float high = 0.5f) {
    std::int64_t count = 1;
    for (const std::int64_t dim : dims) count *= dim;
    std::vector<float> values(static_cast<std::size_t>(count));
    std::ranges::generate(values, [&] { return random_.uniform(low, high); });
    return floats(std::move(dims), values);
  }
  /// Adds a node and returns the unique name of its output.
  std::string node(const std::string& op, std::vector<std::string> inputs,
                   OnnxAttributes attributes = {}) {
    std::string output = op + "_" + std::to_string(model.nodes.size());
    model.nodes.push_back({op, std::move(inputs), output, std::move(attributes), "n_" + output});
    return output;
  }

  /// A node for each output of a Split.
  std::vector<std::string> split(std::vector<std::string> inputs, std::int64_t parts,
                                 OnnxAttributes attributes) {
    std::vector<std::string> outputs;
    for (std::int64_t i = 0; i < parts; ++i) {
      outputs.push_back(node("Split", inputs, attributes));
      model.nodes.back().output_index = i;
      model.nodes.back().output_count = parts;
    }
    return outputs;
  }

  std::string conv(const std::string& x, std::int64_t from, std::int64_t to,
                   std::int64_t kernel = 3, OnnxAttributes attributes = {}) {
    return node("Conv", {x, drawn({to, from, kernel, kernel}), drawn({to})}, std::move(attributes));
  }
  std::string batch_norm(const std::string& x, std::int64_t channels) {
    return node("BatchNormalization", {x, drawn({channels}, 0.5f, 2.0f), drawn({channels}),
                                       drawn({channels}), drawn({channels}, 0.2f, 3.0f)});
  }
  /// Ends in a linear layer of features [N, F].
  const OnnxModel& classify(const std::string& x, std::int64_t features) {
    return finish(
        node("Gemm", {x, drawn({4, features}), drawn({4})}, {{"transB", std::int64_t{1}}}));
  }
  /// Ends in a linear layer of the means of an image [N, C, H, W].
  const OnnxModel& classify_image(const std::string& x, std::int64_t channels) {
    return classify(node("Flatten", {node("GlobalAveragePool", {x})}), channels);
  }
  const OnnxModel& finish(const std::string& logits) {
    model.output.name = logits;
    return model;
  }

  OnnxModel model;

 private:
  std::string add(OnnxType type, std::vector<std::int64_t> dims, std::span<const std::byte> bytes) {
    std::string name = "c" + std::to_string(model.constants.size());
    model.constants.push_back(
        {name, type, std::move(dims), std::vector<std::byte>(bytes.begin(), bytes.end())});
    return name;
  }

  Random random_;
};

}  // namespace quench::onnx
