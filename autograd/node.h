#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "autograd/variable.h"

namespace quench {

/// A tensor saved for backward, with its version at that time.
class Saved {
 public:
  Saved() = default;
  explicit Saved(Tensor tensor) : tensor_(std::move(tensor)), version_(tensor_.version()) {}
  /// @throws std::logic_error  if the tensor was changed in place after it was saved
  const Tensor& get() const;

 private:
  Tensor tensor_;
  std::uint64_t version_ = 0;
};

/// One differentiable function on the tape: a small struct that holds what its backward needs.
class Node {
 public:
  virtual ~Node() = default;
  virtual std::string_view name() const = 0;
  /// Gradients with respect to the inputs, in the order of record(); an undefined Tensor means no
  /// gradient. `grad_output` has the output's shape and may be shared: do not write to it.
  virtual std::vector<Tensor> backward(const Tensor& grad_output) const = 0;

  /// Whether input i needs a gradient; backward may skip the others.
  bool needs(std::size_t i) const { return inputs_[i] != nullptr; }
  std::uint64_t sequence() const { return sequence_; }
  /// Null for inputs that need no gradient.
  std::span<const std::shared_ptr<GradientSlot>> inputs() const { return inputs_; }

  /// Connects `output` to `inputs` through `node`.
  static Variable attach(std::shared_ptr<Node> node, std::span<const Variable> inputs,
                         Tensor output);
  /// Whether to record a node for these inputs: gradients are enabled and at least one input needs
  /// one.
  static bool wanted(std::span<const Variable> inputs);

 private:
  friend class Variable;
  friend struct GradientSlot;
  std::vector<std::shared_ptr<GradientSlot>> inputs_;
  std::uint64_t sequence_ = 0;
};

/// Records `output` on the tape as NodeType's function of `inputs`. The node and its saved tensors
/// are created only if an input needs a gradient.
template <typename NodeType, typename... SavedArgs>
Variable record(std::span<const Variable> inputs, Tensor output, SavedArgs&&... saved) {
  if (!Node::wanted(inputs)) return Variable(std::move(output));
  return Node::attach(std::make_shared<NodeType>(std::forward<SavedArgs>(saved)...), inputs,
                      std::move(output));
}

template <typename NodeType, typename... SavedArgs>
Variable record(std::initializer_list<Variable> inputs, Tensor output, SavedArgs&&... saved) {
  return record<NodeType>(std::span<const Variable>(inputs.begin(), inputs.size()),
                          std::move(output), std::forward<SavedArgs>(saved)...);
}

}  // namespace quench
