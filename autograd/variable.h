#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "core/tensor.h"

namespace quench {

class Node;

/// The gradient of one Variable, and the node that produced the Variable. Separate from the value,
/// so that the tape keeps only those activations alive that a node saved.
struct GradientSlot {
  GradientSlot() = default;
  ~GradientSlot();
  GradientSlot(const GradientSlot&) = delete;
  GradientSlot& operator=(const GradientSlot&) = delete;

  std::shared_ptr<Node> producer;  ///< null for a leaf, and after backward has passed it
  bool passed = false;             ///< whether backward has freed the producer
  bool frozen = false;             ///< whether this parameter is currently not trained
  Tensor grad;
};

/// Called by backward() for each leaf as soon as its gradient is complete. Not called for leaves
/// that no gradient reached.
using LeafHook = std::function<void(const GradientSlot* leaf)>;

/// A tensor and its position on the tape. Copies are handles on the same value and gradient.
class Variable {
 public:
  Variable() = default;  ///< undefined
  /// A leaf; a parameter if `requires_grad` is set.
  explicit Variable(Tensor value, bool requires_grad = false);

  bool defined() const { return value_.defined(); }
  const Tensor& value() const { return value_; }
  /// For in-place updates by an optimizer or an initializer; call bump_version() after writing.
  Tensor& mutable_value() { return value_; }
  const Shape& shape() const { return value_.shape(); }

  bool requires_grad() const { return slot_ != nullptr && !slot_->frozen; }
  /// Freezes a parameter for all handles on it: from now on nothing is recorded or computed for it,
  /// and its gradient is dropped.
  /// @throws std::logic_error  unless this is a leaf that requires a gradient
  void freeze();
  /// Undefined until backward() has reached this Variable. Only leaves keep their gradient.
  const Tensor& grad() const;
  void zero_grad();
  /// For rescaling or clipping before the optimizer step; not shared with any other Variable.
  /// @throws std::logic_error  if there is no gradient
  Tensor& mutable_grad();

  /// The argument of a LeafHook: the same for all handles on a leaf. Null without a gradient.
  const GradientSlot* slot() const { return slot_.get(); }

  /// The same value with no connection to the tape.
  Variable detach() const { return Variable(value_); }

  /// Computes the gradient of this one-element Variable with respect to every leaf that it depends
  /// on, and adds it to the leaf's grad(). Each node and its saved tensors are freed as soon as
  /// backward has passed it; a second pass is an error.
  /// @throws std::logic_error  if this needs no gradient or does not have one element, if it
  ///                           reaches a part of the tape that an earlier call freed, or if a saved
  ///                           tensor was changed in place
  void backward(const LeafHook& on_complete = {}) const;

 private:
  friend class Node;
  Tensor value_;
  std::shared_ptr<GradientSlot> slot_;
};

/// While it is alive, this thread records nothing on the tape.
class NoGradGuard {
 public:
  NoGradGuard();
  ~NoGradGuard();
  NoGradGuard(const NoGradGuard&) = delete;
  NoGradGuard& operator=(const NoGradGuard&) = delete;

 private:
  bool previous_;
};

/// Whether this thread records on the tape: no NoGradGuard is alive.
bool gradients_enabled();

}  // namespace quench
