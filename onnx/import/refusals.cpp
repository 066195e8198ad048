#include "onnx/import/refusals.h"

#include <fmt/format.h>

#include <algorithm>

#include "support/error.h"
#include "support/text_list.h"

namespace quench::onnx {

void Refusals::add(const OnnxNode& node, const std::string& reason) {
  unknown_.insert(node.output);
  const auto same = std::ranges::find_if(refusals_, [&](const Refusal& refusal) {
    return refusal.op == node.op && refusal.reason == reason;
  });
  if (same != refusals_.end()) {
    ++same->nodes;
  } else {
    refusals_.push_back({node.op, reason, node.name.empty() ? node.output : node.name});
  }
}

bool Refusals::can_be_known(const OnnxNode& node) {
  const auto unknown = [&](const std::string& value) { return unknown_.contains(value); };
  if (std::ranges::any_of(node.inputs, unknown)) unknown_.insert(node.output);
  return !unknown_.contains(node.output);
}

void Refusals::require_none() const {
  if (refusals_.empty()) return;
  if (refusals_.size() == 1 && refusals_[0].nodes == 1)
    fail("{}: node '{}' ({}): {}", file_, refusals_[0].first, refusals_[0].op, refusals_[0].reason);
  std::vector<std::string> lines;
  int nodes = 0;
  for (const Refusal& refusal : refusals_) {
    nodes += refusal.nodes;
    lines.push_back(refusal.nodes == 1 ? fmt::format("{}: node '{}': {}", refusal.op, refusal.first,
                                                     refusal.reason)
                                       : fmt::format("{}: {} nodes (first: '{}'): {}", refusal.op,
                                                     refusal.nodes, refusal.first, refusal.reason));
  }
  fail("{}: {} unsupported nodes:\n  {}", file_, nodes, listed(lines, "\n  "));
}

}  // namespace quench::onnx
