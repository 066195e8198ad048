#pragma once

// Private to the folder.

#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "onnx/file/model.h"

namespace quench::onnx_network {

/// What stands against a network, node by node: one message names it all.
class Refusals {
 public:
  /// @param file  begins messages
  explicit Refusals(std::string file) : file_(std::move(file)) {}

  void add(const OnnxNode& node, const std::string& reason);
  /// Calls function(), whose complaint is what stands against the node. A node that reads what a refused
  /// one computes is passed over: nothing is known of it.
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

  /// @throws std::runtime_error  if there are any: each operator and reason once, with how many nodes
  void require_none() const;

 private:
  struct Refusal {
    std::string op, reason, first;  ///< first: the node's name
    int nodes = 1;
  };

  bool can_be_known(const OnnxNode& node);

  std::string file_;
  std::vector<Refusal> refusals_;
  std::set<std::string> unknown_;  // values of nodes that are refused, and of their readers
};

}  // namespace quench::onnx_network
