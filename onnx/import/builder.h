#pragma once

// Private to the folder: the network while it grows, node by node.

#include <deque>
#include <limits>
#include <map>
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
#include "onnx/import/constants.h"
#include "onnx/import/network.h"
#include "onnx/import/refusals.h"
#include "onnx/import/value.h"

namespace quench::onnx_network {

/// What messages call a node.
inline const std::string& name_of(const OnnxNode& node) {
  return node.name.empty() ? node.output : node.name;
}

/// Stands for the number of images in lists of sizes.
inline constexpr std::int64_t kBatch = std::numeric_limits<std::int64_t>::min();

/// A graph may compute sizes from the number of images, which nothing here knows. Such constants are
/// computed twice, for one image and for so many: what comes out as 1 and as this is that number, what
/// comes out twice the same does not depend on it. (Its remainders and quotients by small numbers are
/// others than those of 1.)
inline constexpr std::int64_t kManyImages = 2 * 3 * 5 * 7 * 11 * 13;

/// A value that does not depend on the images.
struct Constant {
  const OnnxTensor* of_one;
  const OnnxTensor* of_many;  ///< the same where it does not depend on their number either

  bool depends_on_batch() const { return of_one != of_many; }
};

/// The layer that a constant became the weight of, and the constant that is its bias.
struct SharedWeight {
  QuantizedLayer* layer = nullptr;  ///< null: none yet
  const OnnxTensor* bias = nullptr;
};

/// What each operator's function works with: the node's inputs, and where its output goes. Messages
/// need not name the node; whoever calls the function does.
class Builder {
 public:
  /// @param attributes  of each of the model's nodes
  /// @param refusals    nodes that no other may have done by its module
  Builder(const OnnxModel& model, std::vector<Attributes> attributes, const Refusals& refusals,
          const OnnxNetworkOptions& options, Random& random);

  const OnnxModel& model() const { return model_; }
  const OnnxNetworkOptions& options() const { return options_; }
  Random& random() { return random_; }

  const Attributes& attributes(const OnnxNode& node) const {
    return attributes_[static_cast<std::size_t>(&node - model_.nodes.data())];
  }
  template <typename A>
  const A& attributes(const OnnxNode& node) const {
    return std::get<A>(attributes(node));
  }

  /// Whether the input is not left out, and whether it is a constant that is known by now.
  static bool has_input(const OnnxNode& node, std::size_t i);
  bool is_constant(const OnnxNode& node, std::size_t i) const;
  /// An input that depends on the images, with all its zeros around it: an image or features.
  /// @throws std::invalid_argument  for a missing one, a constant, the output of a Softmax, other dims
  Value activation(const OnnxNode& node, std::size_t i = 0);
  /// The same, of one pixel that stands for a whole image that pixel alone: see Value::repeated.
  Value unrepeated(const OnnxNode& node, std::size_t i);
  /// The same of any dims, for a function of each number.
  Value numbers(const OnnxNode& node, std::size_t i = 0);
  /// The same as it stands: zeros may be left to add, and it may come from a Softmax.
  Value bare_activation(const OnnxNode& node, std::size_t i = 0) const;
  /// What lies in one row with all other images, by itself: see Value::joins_batch.
  Value row_of_batch(const OnnxNode& node) const;
  /// For what only moves its numbers: with all its zeros, and it may come from a Softmax.
  Value moved(const OnnxNode& node, std::size_t i = 0);
  /// The same as [N, C, H, W] or [N, C, L], for a layer that reads axis 1 as channels.
  Value image(const OnnxNode& node, std::size_t i = 0);
  /// The same with its zeros left to add, for a layer that pads by itself.
  Value unpadded_image(const OnnxNode& node, std::size_t i = 0);
  /// The same with what no maximum is left to add, if that lies around it.
  Value image_of_maxima(const OnnxNode& node);
  /// The same as [N, H, W, C] or [N, L, C], for a layer that reads the last axis as channels.
  Value pixels(const OnnxNode& node, std::size_t i = 0);
  /// The same in the layout of another value that it meets, if that can be.
  Value like(const Value& other, const OnnxNode& node, std::size_t i);
  /// The same with channels along the axis that a constant varies along, if possible.
  Value aligned(const OnnxTensor& constant, const OnnxNode& node, std::size_t i = 0);
  /// An input that does not depend on the images, nor on how many there are.
  /// @throws std::invalid_argument  unless there is one
  const OnnxTensor& constant(const OnnxNode& node, std::size_t i) const;
  /// A list of sizes, of which some may be kBatch. @throws std::invalid_argument  unless it is one
  Integers sizes(const OnnxNode& node, std::size_t i) const;

  /// Whether no input depends on the images, so that they are known before any other value.
  bool all_constant(const OnnxNode& node) const;
  bool depends_on_batch(const OnnxNode& node) const;
  /// Their values for one image, or for kManyImages.
  Constants constants(const OnnxNode& node, std::int64_t images) const;
  bool has_value(const std::string& name) const { return known_.contains(name); }

  /// Makes a node's output the constant that it passes on, or that an equal node of the same constants has
  /// computed: layers with one weight are known by it.
  /// @return  whether there is one
  bool take_equal(const OnnxNode& node);
  /// What layers are made of the constant that is the node's input 1, by the order in which they read it: a
  /// ConvTranspose turns its kernels, and a Gemm may transpose its matrix.
  SharedWeight& shared_weight(const OnnxNode& node) {
    const auto transposed = node.attributes.find("transB");
    const bool other_order =
        node.op == "ConvTranspose" || (transposed != node.attributes.end() &&
                                       transposed->second == OnnxAttribute(std::int64_t{1}));
    return shared_[{&constant(node, 1), other_order}];
  }
  /// Whether another node with a weight has that constant too.
  bool shares_weight(const OnnxNode& node);

  /// The batch size that the graph's input has, or kAnySize.
  std::int64_t images() const;

  /// Makes `value` the node's output.
  void set_output(const OnnxNode& node, Value value);
  /// @throws std::invalid_argument  for numbers that are none, and more of them than such a file computes
  void set_output(const OnnxNode& node, OnnxTensor constant);
  /// The same of a constant for one image and for kManyImages.
  void set_output(const OnnxNode& node, OnnxTensor of_one, OnnxTensor of_many);
  /// Adds a module that makes the node's output, which has the sizes of `result`.
  void append(const OnnxNode& node, std::shared_ptr<Module> module,
              const std::vector<Value>& inputs, Value result);
  /// Adds a module under a name derived from the node's, for what must come before it.
  /// @return `result` with its place
  Value insert(const std::string& name, std::shared_ptr<Module> module,
               const std::vector<Value>& inputs, Value result);

  /// `value` as a number for readers without a quantizer: one of its own rounds it to its grid.
  Value rounded(const std::string& name, Value value);

  /// Adds the zeros around `value` that are left to add, as a module.
  Value add_zeros(const std::string& name, const Value& value);
  /// Makes the rows and columns that each of its pixels stands for.
  Value repeat_pixels(const std::string& name, const Value& value);
  /// The image `to` of the numbers of `value`, a Transpose of whose dims by `axes` it is.
  /// @throws std::invalid_argument  if quench cannot move them so
  Value rearranged(const std::string& name, const Value& value, const Integers& axes, Value to);

  /// The node that computes it; null for a constant of the file and for the images.
  const OnnxNode* writer(const std::string& name) const;
  /// The node that alone reads the output of `node`, and beside it constants; null if several do, or the
  /// graph's output is it, or the node is refused.
  const OnnxNode* only_reader(const OnnxNode& node) const;
  /// `reader`, which alone reads another node's output, is done by that node's module: its output is
  /// what that module computes.
  void absorb(const OnnxNode& reader) { absorbed_.insert(&reader); }
  bool absorbed(const OnnxNode& node) const { return absorbed_.contains(&node); }
  /// Passes the only input on to the output of a node that was absorbed.
  void pass_on(const OnnxNode& node);

  /// The graph's output. @throws std::invalid_argument  unless it is [N, classes]
  Value logits();
  /// The network that ends with them.
  std::unique_ptr<Composite> finish(const Value& logits);

 private:
  /// Gives the module's slots the grids of what it reads. What has no slot gets rounded numbers, unless
  /// it leaves the rounding to the readers of `result`.
  /// @return  what it reads
  std::vector<Value> quantize(Module& module, const std::string& name, std::vector<Value> inputs,
                              Value& result);

  using Known = std::variant<Value, Constant>;
  const Known& known(const OnnxNode& node, std::size_t i) const;
  Value readable(const OnnxNode& node, std::size_t i) const;
  Value laid_out(const OnnxNode& node, std::size_t i, Layout layout);
  const Constant& any_constant(const OnnxNode& node, std::size_t i) const;
  const OnnxTensor* keep(const OnnxNode& node, OnnxTensor constant);
  std::string unique(const std::string& name);

  const OnnxModel& model_;
  std::vector<Attributes> attributes_;
  const Refusals& refusals_;
  OnnxNetworkOptions options_;
  Random& random_;
  std::unique_ptr<Composite> network_ = std::make_unique<Composite>();
  std::unordered_map<std::string, Known> known_;
  std::deque<OnnxTensor> computed_;  // constants that no file holds
  std::size_t bytes_left_ = 0;       // that they may take
  std::size_t reads_left_ = 0;       // bytes of what they may be computed of
  std::unordered_map<std::string, std::vector<const OnnxNode*>> readers_;
  std::unordered_map<std::string, const OnnxNode*> writers_;
  std::set<const OnnxNode*> absorbed_;
  using Computation = std::pair<std::string, std::vector<const OnnxTensor*>>;
  std::map<Computation, const OnnxNode*> computations_;  // the first of each operator and inputs
  std::map<std::pair<const OnnxTensor*, bool>, SharedWeight> shared_;
  std::unordered_map<const OnnxTensor*, int> weight_readers_;
  std::unordered_map<std::string, int> names_;
};

}  // namespace quench::onnx_network
