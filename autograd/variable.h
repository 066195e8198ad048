#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "core/tensor.h"

namespace quench {

class Node;

/// Where the gradient of one Variable gathers, and the node that made the Variable. Kept apart from
/// the value, so that the tape holds no activation that no node saved.
struct GradientSlot {
  GradientSlot() = default;
  ~GradientSlot();
  GradientSlot(const GradientSlot&) = delete;
  GradientSlot& operator=(const GradientSlot&) = delete;

  std::shared_ptr<Node> producer;  ///< null for a leaf, and once backward has passed it
  bool passed = false;             ///< whether backward has freed the producer
  bool frozen = false;             ///< a parameter that stands still for now
  Tensor grad;
};

/// Told by backward() of each leaf whose gradient is complete, while it goes on with others; not of one
/// that the loss reaches only through parts of the tape that no gradient came to.
using LeafHook = std::function<void(const GradientSlot* leaf)>;

/// A tensor and its place on the tape. Copies are handles on the same value and gradient.
class Variable {
 public:
  Variable() = default;  ///< undefined
  /// A leaf; with `requires_grad` a parameter.
  explicit Variable(Tensor value, bool requires_grad = false);

  bool defined() const { return value_.defined(); }
  const Tensor& value() const { return value_; }
  /// For in-place updates by an optimizer or an initializer; call bump_version() after writing.
  Tensor& mutable_value() { return value_; }
  const Shape& shape() const { return value_.shape(); }

  bool requires_grad() const { return slot_ != nullptr && !slot_->frozen; }
  /// Says of a parameter, for all handles on it, that it stands still: from now on nothing is
  /// recorded or computed for its sake, and its gradient is dropped.
  /// @throws std::logic_error  if this is no leaf that requires a gradient
  void freeze();
  /// Undefined until backward() has reached this Variable. Only leaves keep theirs.
  const Tensor& grad() const;
  void zero_grad();
  /// For code that rescales or clips gradients before the optimizer; shared with no other Variable.
  /// @throws std::logic_error  if there is none
  Tensor& mutable_grad();

  /// What a LeafHook is told: one for all handles on a leaf. Null without a gradient.
  const GradientSlot* slot() const { return slot_.get(); }

  /// The same value with no connection to the tape.
  Variable detach() const { return Variable(value_); }

  /// Computes the gradient of this one-element Variable with respect to every leaf that took part,
  /// and adds it to the leaf's grad(). Each node, and what it saved, is freed as soon as it has
  /// been passed; a second pass over it is an error.
  /// @throws std::logic_error  if this needs no gradient, has other than one element, reaches a
  ///                           part of the tape that an earlier call has freed, or needs a saved
  ///                           tensor that was changed in place since
  void backward(const LeafHook& on_complete = {}) const;

 private:
  friend class Node;
  Tensor value_;
  std::shared_ptr<GradientSlot> slot_;
};

/// While one lives, nothing in this thread is recorded on the tape.
class NoGradGuard {
 public:
  NoGradGuard();
  ~NoGradGuard();
  NoGradGuard(const NoGradGuard&) = delete;
  NoGradGuard& operator=(const NoGradGuard&) = delete;

 private:
  bool previous_;
};

/// Whether this thread records: no NoGradGuard lives.
bool gradients_enabled();

}  // namespace quench
