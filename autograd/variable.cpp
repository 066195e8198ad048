#include "autograd/variable.h"

#include <atomic>
#include <optional>
#include <queue>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "autograd/node.h"
#include "core/ops/elementwise.h"
#include "core/profiler.h"
#include "support/error.h"

namespace quench {
namespace {

thread_local bool recording = true;
std::atomic<std::uint64_t> next_sequence{1};

/// Adds `grad` to the gradient in `slot`. The first gradient is kept without a copy; later ones are
/// added in place only if there is a buffer that no other handle shares.
void accumulate(GradientSlot& slot, Tensor grad) {
  if (!slot.grad.defined()) {
    slot.grad = std::move(grad);
  } else if (slot.grad.unique() && !slot.grad.deferred()) {
    add_in_place(slot.grad, grad);
  } else {
    slot.grad = add(slot.grad, grad);
  }
}

/// Counts how often the rest of a tape reads each leaf.
class LeafReads {
 public:
  LeafReads(const Node& last, const LeafHook& on_complete) : on_complete_(on_complete) {
    std::vector<const Node*> ahead{&last};
    std::unordered_set<const Node*> seen{&last};
    while (!ahead.empty()) {
      const Node* node = ahead.back();
      ahead.pop_back();
      for (const auto& input : node->inputs()) {
        if (!input) continue;
        const Node* producer = input->producer.get();
        if (producer == nullptr) ++reads_[input.get()];
        if (producer != nullptr && seen.insert(producer).second) ahead.push_back(producer);
      }
    }
  }

  /// Call when the gradients of `node`'s inputs have been added.
  void passed(const Node& node) {
    for (const auto& input : node.inputs()) {
      const auto found = reads_.find(input.get());
      if (found == reads_.end() || --found->second > 0) continue;
      if (input->grad.defined()) on_complete_(input.get());
    }
  }

 private:
  const LeafHook& on_complete_;
  std::unordered_map<const GradientSlot*, int> reads_;
};

}  // namespace

// A tape on which backward never ran would otherwise be destroyed recursively, and a long tape
// would overflow the stack. This loop drops every reference to a slot; the last reference takes
// over the slot's producer.
GradientSlot::~GradientSlot() {
  std::vector<std::shared_ptr<Node>> doomed;
  if (producer) doomed.push_back(std::move(producer));
  while (!doomed.empty()) {
    const std::shared_ptr<Node> node = std::move(doomed.back());
    doomed.pop_back();
    for (std::shared_ptr<GradientSlot>& input : node->inputs_) {
      const std::shared_ptr<GradientSlot> slot = std::move(input);
      if (slot.use_count() == 1 && slot->producer) doomed.push_back(std::move(slot->producer));
    }
  }
}

bool gradients_enabled() { return recording; }
NoGradGuard::NoGradGuard() : previous_(std::exchange(recording, false)) {}
NoGradGuard::~NoGradGuard() { recording = previous_; }

Variable::Variable(Tensor value, bool requires_grad)
    : value_(std::move(value)), slot_(requires_grad ? std::make_shared<GradientSlot>() : nullptr) {}

const Tensor& Variable::grad() const {
  static const Tensor none;
  return slot_ ? slot_->grad : none;
}

void Variable::freeze() {
  expect(slot_ && !slot_->producer && !slot_->passed, "variable: only a parameter can be frozen");
  slot_->frozen = true;
  slot_->grad = {};
}

void Variable::zero_grad() {
  if (slot_) slot_->grad = {};
}

Tensor& Variable::mutable_grad() {
  expect(slot_ && slot_->grad.defined(), "variable: expected a gradient, got none");
  // For example, the two inputs of an addition receive the same buffer.
  if (!slot_->grad.unique()) slot_->grad = slot_->grad.clone();
  return slot_->grad;
}

const Tensor& Saved::get() const {
  expect(tensor_.version() == version_,
         "backward: a tensor of shape {} was changed in place after the forward pass saved it",
         tensor_.shape().to_string());
  return tensor_;
}

bool Node::wanted(std::span<const Variable> inputs) {
  if (!recording) return false;
  for (const Variable& input : inputs) {
    if (input.requires_grad()) return true;
  }
  return false;
}

Variable Node::attach(std::shared_ptr<Node> node, std::span<const Variable> inputs, Tensor output) {
  node->sequence_ = next_sequence++;
  node->inputs_.reserve(inputs.size());
  for (const Variable& input : inputs) {
    node->inputs_.push_back(input.requires_grad() ? input.slot_ : nullptr);
  }
  Variable result(std::move(output), true);
  result.slot_->producer = std::move(node);
  return result;
}

void Variable::backward(const LeafHook& on_complete) const {
  expect(requires_grad(), "backward: the loss depends on no parameter");
  expect(value_.numel() == 1, "backward: expected a loss of one element, got shape {}",
         value_.shape().to_string());
  expect(slot_->producer != nullptr,
         "backward: expected a recorded tape, got one that already ran or is empty");

  // Latest first: a node's sequence is above those of its inputs' nodes, so all contributions to
  // its gradient have arrived when the node is taken.
  const auto earlier = [](const std::shared_ptr<GradientSlot>& a,
                          const std::shared_ptr<GradientSlot>& b) {
    return a->producer->sequence() < b->producer->sequence();
  };
  std::priority_queue<std::shared_ptr<GradientSlot>, std::vector<std::shared_ptr<GradientSlot>>,
                      decltype(earlier)>
      ready(earlier);
  std::optional<LeafReads> leaf_reads;
  if (on_complete) leaf_reads.emplace(*slot_->producer, on_complete);
  slot_->grad = Tensor::full(value_.shape(), 1.0f);
  ready.push(slot_);
  while (!ready.empty()) {
    const std::shared_ptr<GradientSlot> slot = ready.top();
    ready.pop();
    const std::shared_ptr<Node> node = std::move(slot->producer);
    slot->passed = true;
    std::vector<Tensor> grads;
    {
      const Tensor grad_output = std::move(slot->grad);
      slot->grad = {};
      const ProfileScope profile(node->name(), ProfileScope::Pass::backward);
      grads = node->backward(grad_output);
    }
    expect(grads.size() == node->inputs_.size(), "backward: expected {} gradients from {}, got {}",
           node->inputs_.size(), node->name(), grads.size());
    for (std::size_t i = 0; i < grads.size(); ++i) {
      const std::shared_ptr<GradientSlot>& input = node->inputs_[i];
      if (!input || !grads[i].defined()) continue;
      expect(!input->passed, "backward: {} reads a value from a part of the tape that already ran",
             node->name());
      const bool first = !input->grad.defined();
      accumulate(*input, std::move(grads[i]));
      if (first && input->producer) ready.push(input);
    }
    if (leaf_reads) leaf_reads->passed(*node);
  }
}

}  // namespace quench
