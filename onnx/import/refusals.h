#pragma once

// Private to the folder.

#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "onnx/file/model.h"

namespace quench::onnx {

/// Collects the unsupported nodes of a network, to report them in one message.
class Refusals {
 public:
  /// @param file  begins messages
  explicit Refusals(std::string file) : file_(std::move(file)) {}

  void add(const OnnxNode& node, const std::string& reason);
  /// Calls function() and records its error against the node. Skips nodes that read the output of a
  /// refused node.
  template <typename Function>
  void at(const OnnxNode& node, Function function) {
    if (!can_be_known(node)) return;
    try {
      function();
    } catch (const std::invalid_argument& error) {
      add(node, error.what());
    }
  }
  bool contains(const OnnxNode& node) const { return unknown_.contains(node.output); }

  /// @throws std::runtime_error  if any node is refused; lists each operator and reason once, with
  ///                             the number of nodes
  void require_none() const;

 private:
  struct Refusal {
    std::string op, reason, first;  ///< first: the node's name
    int nodes = 1;
  };

  bool can_be_known(const OnnxNode& node);

  std::string file_;
  std::vector<Refusal> refusals_;
  std::set<std::string> unknown_;  // outputs of refused nodes, and of their readers
};

}  // namespace quench::onnx
