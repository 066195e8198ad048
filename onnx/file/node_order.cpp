#include "onnx/file/node_order.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "onnx/file/names.h"
#include "onnx/file/node_reader.h"
#include "support/error.h"
#include "support/text_list.h"

namespace quench::onnx {
namespace {

using ::onnx::GraphProto;
using ::onnx::NodeProto;

constexpr int kMaxNodes = 100'000;

/// The origin of a value.
struct Origin {
  int node = -1;  ///< -1 for an input or a constant
  int output = 0;
};

class Values {
 public:
  Values(const GraphProto& graph, const std::string& file) : file_(file) {
    for (const auto& tensor : graph.initializer()) {
      if (tensor.name().empty()) fail("{}: expected a name for every initializer, got none", file_);
      define(tensor.name(), {});
    }
    // Before IR version 4, every initializer was an input too.
    for (const auto& input : graph.input()) origins_.try_emplace(input.name(), Origin{});
    for (int i = 0; i < graph.node_size(); ++i) {
      for (int k = 0; k < graph.node(i).output_size(); ++k) {
        if (!graph.node(i).output(k).empty()) define(graph.node(i).output(k), {i, k});
      }
    }
  }

  /// Null for an unknown value.
  const Origin* find(const std::string& value) const {
    const auto found = origins_.find(value);
    return found == origins_.end() ? nullptr : &found->second;
  }

  const Origin& origin(const std::string& value, const NodeProto& reader) const {
    if (const Origin* found = find(value)) return *found;
    fail("{}: {} reads {}, which is neither computed by a node nor a constant or input", file_,
         describe(reader), in_quotes(value));
  }

 private:
  void define(const std::string& value, Origin origin) {
    if (!origins_.try_emplace(value, origin).second)
      fail("{}: two values have the name {}", file_, in_quotes(value));
  }

  const std::string& file_;
  std::unordered_map<std::string_view, Origin> origins_;
};

class Order {
 public:
  Order(const GraphProto& graph, const std::string& file)
      : graph_(graph), file_(file), values_(graph, file), states_(graph.node_size()) {}

  std::vector<const NodeProto*> of(const std::string& output) {
    mark(output);
    std::vector<const NodeProto*> order;
    for (int i = 0; i < graph_.node_size(); ++i) append(i, order);
    check_further_outputs(order, output);
    return order;
  }

 private:
  enum class State : std::uint8_t { not_needed, needed, open, done };

  State& state(int node) { return states_[static_cast<std::size_t>(node)]; }

  /// Marks all nodes that `output` depends on. Not recursive, because graphs may be very deep.
  void mark(const std::string& output) {
    std::vector<int> stack;
    const auto need = [&](const Origin& origin) {
      if (origin.node < 0 || state(origin.node) != State::not_needed) return;
      state(origin.node) = State::needed;
      stack.push_back(origin.node);
    };
    const Origin* origin = values_.find(output);
    if (origin == nullptr || origin->node < 0)
      fail("{}: no node computes the output {}", file_, in_quotes(output));
    need(*origin);
    while (!stack.empty()) {
      const NodeProto& node = graph_.node(stack.back());
      stack.pop_back();
      for (const std::string& input : node.input()) {
        if (!input.empty()) need(values_.origin(input, node));
      }
    }
  }

  /// Appends the nodes that the node depends on, depth first, then the node itself.
  void append(int first, std::vector<const NodeProto*>& order) {
    if (state(first) != State::needed) return;
    std::vector<std::pair<int, int>> path{{first, 0}};  // node, its next input
    state(first) = State::open;
    while (!path.empty()) {
      auto& [node, next] = path.back();
      const NodeProto& proto = graph_.node(node);
      if (next == proto.input_size()) {
        state(node) = State::done;
        order.push_back(&proto);
        path.pop_back();
        continue;
      }
      const std::string& input = proto.input(next++);
      const int source = input.empty() ? -1 : values_.origin(input, proto).node;
      if (source < 0 || state(source) == State::done) continue;
      if (state(source) == State::open) fail_circle(path, source);
      state(source) = State::open;
      path.emplace_back(source, 0);
    }
  }

  [[noreturn]] void fail_circle(const std::vector<std::pair<int, int>>& path, int source) const {
    constexpr std::ptrdiff_t kMaxNamed = 10;
    const auto begin = std::ranges::find(path, source, &std::pair<int, int>::first);
    std::string nodes;
    for (auto it = begin; it != path.end() && it - begin < kMaxNamed; ++it)
      nodes += (nodes.empty() ? "" : ", ") + describe(graph_.node(it->first));
    if (path.end() - begin > kMaxNamed) nodes += ", ...";
    fail("{}: nodes form a cycle: {}", file_, nodes);
  }

  /// Only Split may have more than one output that is read.
  void check_further_outputs(const std::vector<const NodeProto*>& order,
                             const std::string& output) const {
    std::vector<std::string> read;
    const auto check = [&](const std::string& value) {
      const Origin* origin = value.empty() ? nullptr : values_.find(value);
      if (origin == nullptr || origin->node < 0 || origin->output == 0) return;
      if (has_several_outputs(graph_.node(origin->node))) return;
      read.push_back(
          fmt::format("{} of {}", in_quotes(value), describe(graph_.node(origin->node))));
    };
    check(output);
    for (const NodeProto* node : order) std::ranges::for_each(node->input(), check);
    if (read.empty()) return;
    std::ranges::sort(read);
    read.erase(std::unique(read.begin(), read.end()), read.end());
    fail("{}: expected nodes with one output, but others are read too: {}", file_, listed(read));
  }

  const GraphProto& graph_;
  const std::string& file_;
  Values values_;
  std::vector<State> states_;
};

}  // namespace

std::vector<const NodeProto*> needed_nodes(const GraphProto& graph, const std::string& output,
                                           const std::string& file) {
  if (graph.node_size() > kMaxNodes)
    fail("{}: expected at most {} nodes, got {}", file, kMaxNodes, graph.node_size());
  return Order(graph, file).of(output);
}

}  // namespace quench::onnx
