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

/// A tensor that backward will read, with the version it had when it was saved.
class Saved {
 public:
  Saved() = default;
  explicit Saved(Tensor tensor) : tensor_(std::move(tensor)), version_(tensor_.version()) {}
  /// @throws std::logic_error  if the tensor was changed in place since it was saved
  const Tensor& get() const;

 private:
  Tensor tensor_;
  std::uint64_t version_ = 0;
};

/// One differentiable function on the tape: a small struct of what its backward needs.
class Node {
 public:
  virtual ~Node() = default;
  virtual std::string_view name() const = 0;
  /// Gradients with respect to the inputs, in the order of record(); an undefined Tensor means
  /// none. `grad_output` has the shape of the output and may be shared: it must not be written.
  virtual std::vector<Tensor> backward(const Tensor& grad_output) const = 0;

  /// Whether input i wants a gradient; a backward may skip the work for one that does not.
  bool needs(std::size_t i) const { return inputs_[i] != nullptr; }
  std::uint64_t sequence() const { return sequence_; }
  /// Null where an input wants none.
  std::span<const std::shared_ptr<GradientSlot>> inputs() const { return inputs_; }

  /// Connects `output` to `inputs` through `node`.
  static Variable attach(std::shared_ptr<Node> node, std::span<const Variable> inputs,
                         Tensor output);
  /// Whether a node for these inputs would be of use: gradients are on and one input needs one.
  static bool wanted(std::span<const Variable> inputs);

 private:
  friend class Variable;
  friend struct GradientSlot;
  std::vector<std::shared_ptr<GradientSlot>> inputs_;
  std::uint64_t sequence_ = 0;
};

/// Puts `output` on the tape as NodeType's function of `inputs`. The node, with what it saves, is
/// made only if an input needs a gradient.
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
