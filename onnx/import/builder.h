#pragma once

// Private to the folder: the network while it grows, node by node.

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "core/random.h"
#include "layers/composite.h"
#include "onnx/file/model.h"
#include "onnx/import/attributes.h"
#include "onnx/import/constant_folding.h"
#include "onnx/import/network.h"
#include "onnx/import/value.h"

namespace quench::onnx_network {

/// What each operator's function works with: the node's inputs, and where its output goes. Messages
/// need not name the node; whoever calls the function does.
class Builder {
 public:
  Builder(const OnnxModel& model, const OnnxNetworkOptions& options, Random& random);

  const OnnxModel& model() const { return model_; }
  const OnnxNetworkOptions& options() const { return options_; }
  Random& random() { return random_; }

  /// Whether the input is not left out, and whether it is a constant that is known by now.
  static bool has_input(const OnnxNode& node, std::size_t i);
  bool is_constant(const OnnxNode& node, std::size_t i) const;
  /// An input that depends on the images, with all its zeros around it.
  /// @throws std::invalid_argument  for a missing one, a constant, or the output of a Softmax
  Value activation(const OnnxNode& node, std::size_t i = 0);
  /// The same as it stands: zeros may be left to add, and it may come from a Softmax.
  Value bare_activation(const OnnxNode& node, std::size_t i = 0) const;
  /// activation() of [N, C, H, W]. @throws std::invalid_argument  for another layout
  Value image(const OnnxNode& node, std::size_t i = 0);
  /// The same with its zeros left to add, for a layer that pads by itself.
  Value unpadded_image(const OnnxNode& node, std::size_t i = 0) const;
  /// An input that does not depend on the images. @throws std::invalid_argument  unless there is one
  const OnnxTensor& constant(const OnnxNode& node, std::size_t i) const;

  /// All inputs, if none depends on the images.
  std::optional<Constants> constants(const OnnxNode& node) const;

  /// Makes `value` the node's output.
  void set_output(const OnnxNode& node, Value value);
  void set_output(const OnnxNode& node, OnnxTensor constant);
  /// Adds a module that makes the node's output, which has the sizes of `result`.
  void append(const OnnxNode& node, std::shared_ptr<Module> module,
              const std::vector<Value>& inputs, Value result);
  /// Adds a module under a name derived from the node's, for what must come before it.
  /// @return `result` with its place
  Value insert(const std::string& name, std::shared_ptr<Module> module,
               const std::vector<Value>& inputs, Value result);

  /// Adds the zeros around `value` that are left to add, as a module.
  Value add_zeros(const std::string& name, const Value& value);

  /// The node that alone reads the output of `node`; null if several do, or the graph's output is it.
  const OnnxNode* only_reader(const OnnxNode& node) const;
  /// `reader`, which alone reads another node's output, is done by that node's module: its output is
  /// what that module computes.
  void absorb(const OnnxNode& reader) { absorbed_.insert(&reader); }
  bool absorbed(const OnnxNode& node) const { return absorbed_.contains(&node); }
  /// Passes the only input on to the output of a node that was absorbed.
  void pass_on(const OnnxNode& node);

  /// Ends the network with the graph's output. @throws std::invalid_argument  unless it is [N, classes]
  std::unique_ptr<Module> finish(std::int64_t classes);

 private:
  using Known = std::variant<Value, const OnnxTensor*>;
  const Known& known(const OnnxNode& node, std::size_t i) const;
  Value readable(const OnnxNode& node, std::size_t i) const;
  std::string unique(const std::string& name);

  const OnnxModel& model_;
  OnnxNetworkOptions options_;
  Random& random_;
  std::unique_ptr<Composite> network_ = std::make_unique<Composite>();
  std::unordered_map<std::string, Known> known_;
  std::deque<OnnxTensor> computed_;  // constants that no file holds
  std::unordered_map<std::string, std::vector<const OnnxNode*>> readers_;
  std::set<const OnnxNode*> absorbed_;
  std::unordered_map<std::string, int> names_;
};

}  // namespace quench::onnx_network
