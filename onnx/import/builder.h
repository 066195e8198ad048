#pragma once

// Private to the folder: builds the network node by node.

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

namespace quench::onnx {

/// The name of a node in messages.
inline const std::string& name_of(const OnnxNode& node) {
  return node.name.empty() ? node.output : node.name;
}

/// The placeholder for the number of images in lists of sizes.
inline constexpr std::int64_t kBatch = std::numeric_limits<std::int64_t>::min();

/// A graph may compute sizes from the number of images, which is unknown here. These constants are
/// computed twice, for one image and for kManyImages. A result of 1 and kManyImages is the number
/// of images; equal results do not depend on it. (Remainders and quotients of kManyImages by small
/// numbers differ from those of 1.)
inline constexpr std::int64_t kManyImages = 2 * 3 * 5 * 7 * 11 * 13;

/// A value that does not depend on the images.
struct Constant {
  const OnnxTensor* of_one;
  const OnnxTensor* of_many;  ///< equal to of_one if it does not depend on their number

  bool depends_on_batch() const { return of_one != of_many; }
};

/// The layer whose weight comes from a constant, and the constant of its bias.
struct SharedWeight {
  layers::QuantizedLayer* layer = nullptr;  ///< null if none exists yet
  const OnnxTensor* bias = nullptr;
};

/// The interface for the operators' functions: a node's inputs and its output. Error messages need
/// not name the node; the caller adds its name.
class Builder {
 public:
  /// @param attributes  one per node of the model
  /// @param refusals    nodes that must not be absorbed by another node's module
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

  /// Whether the input is present, and whether it is an already known constant.
  static bool has_input(const OnnxNode& node, std::size_t i);
  bool is_constant(const OnnxNode& node, std::size_t i) const;
  /// An input that depends on the images, an image or features, with its zero padding applied.
  /// @throws std::invalid_argument  for a missing input, a constant, the output of a Softmax, or
  ///                                other dims
  Value activation(const OnnxNode& node, std::size_t i = 0);
  /// The same, but a single pixel that is repeated to an image stays one pixel: see
  /// Value::repeated.
  Value unrepeated(const OnnxNode& node, std::size_t i);
  /// The same with any dims, for elementwise functions.
  Value numbers(const OnnxNode& node, std::size_t i = 0);
  /// The same without changes: zero padding may be pending, and it may come from a Softmax.
  Value bare_activation(const OnnxNode& node, std::size_t i = 0) const;
  /// One image's part of a row with all images: see Value::joins_batch.
  Value row_of_batch(const OnnxNode& node) const;
  /// The input of an operator that only moves values: with zero padding applied; it may come from a
  /// Softmax.
  Value moved(const OnnxNode& node, std::size_t i = 0);
  /// The same as [N, C, H, W] or [N, C, L], for a layer that reads axis 1 as channels.
  Value image(const OnnxNode& node, std::size_t i = 0);
  /// The same with pending zero padding, for a layer that pads by itself.
  Value unpadded_image(const OnnxNode& node, std::size_t i = 0);
  /// The same, but padding with the lowest value may be pending, for max pools.
  Value image_of_maxima(const OnnxNode& node);
  /// The same as [N, H, W, C] or [N, L, C], for a layer that reads the last axis as channels.
  Value pixels(const OnnxNode& node, std::size_t i = 0);
  /// The same in the layout of `other`, if possible.
  Value like(const Value& other, const OnnxNode& node, std::size_t i);
  /// The same with channels along the axis on which a constant varies, if possible.
  Value aligned(const OnnxTensor& constant, const OnnxNode& node, std::size_t i = 0);
  /// An input that depends neither on the images nor on their number.
  /// @throws std::invalid_argument  if it is missing or depends on them
  const OnnxTensor& constant(const OnnxNode& node, std::size_t i) const;
  /// A list of sizes, some of which may be kBatch. @throws std::invalid_argument  for anything else
  Integers sizes(const OnnxNode& node, std::size_t i) const;

  /// Whether no input depends on the images.
  bool all_constant(const OnnxNode& node) const;
  bool depends_on_batch(const OnnxNode& node) const;
  /// The constant inputs for one image, or for kManyImages.
  Constants constants(const OnnxNode& node, std::int64_t images) const;
  bool has_value(const std::string& name) const { return known_.contains(name); }

  /// Sets a node's output to the constant that it passes on, or that an equal node has computed
  /// from the same constants. Layers that share a weight are recognized by this.
  /// @return  whether such a constant exists
  bool take_equal(const OnnxNode& node);
  /// The layer already made from the constant that is the node's input 1, separately for each order
  /// of reading: a ConvTranspose flips its kernels, and a Gemm may transpose its matrix.
  SharedWeight& shared_weight(const OnnxNode& node) {
    const auto transposed = node.attributes.find("transB");
    const bool other_order =
        node.op == "ConvTranspose" || (transposed != node.attributes.end() &&
                                       transposed->second == OnnxAttribute(std::int64_t{1}));
    return shared_[{&constant(node, 1), other_order}];
  }
  /// Whether another node uses the same constant as its weight.
  bool shares_weight(const OnnxNode& node);

  /// The batch size of the graph's input, or kAnySize.
  std::int64_t images() const;

  /// Makes `value` the node's output.
  void set_output(const OnnxNode& node, Value value);
  /// @throws std::invalid_argument  for non-finite values, or if computed constants exceed the
  ///                                limits
  void set_output(const OnnxNode& node, OnnxTensor constant);
  /// The same for a constant with values for one image and for kManyImages.
  void set_output(const OnnxNode& node, OnnxTensor of_one, OnnxTensor of_many);
  /// Adds a module that computes the node's output, with the sizes of `result`.
  void append(const OnnxNode& node, std::shared_ptr<layers::Module> module,
              const std::vector<Value>& inputs, Value result);
  /// Adds a module with a name derived from the node's, to run before the node's own.
  /// @return `result` with its id
  Value insert(const std::string& name, std::shared_ptr<layers::Module> module,
               const std::vector<Value>& inputs, Value result);

  /// `value` for readers without a quantizer: an inserted module rounds it to its grid.
  Value rounded(const std::string& name, Value value);

  /// Adds the pending zero padding of `value` as a module.
  Value add_zeros(const std::string& name, const Value& value);
  /// Repeats pixels by the pending numbers of rows and columns, as a module.
  Value repeat_pixels(const std::string& name, const Value& value);
  /// Rearranges `value` to the image `to`, which is a Transpose of its dims by `axes`.
  /// @throws std::invalid_argument  if quench does not support this move
  Value rearranged(const std::string& name, const Value& value, const Integers& axes, Value to);

  /// The node that computes the value; null for a constant of the file and for the images.
  const OnnxNode* writer(const std::string& name) const;
  /// The only reader of the output of `node`, if its other inputs are constants. Null if there are
  /// several readers, the value is the graph's output, or the reader is refused.
  const OnnxNode* only_reader(const OnnxNode& node) const;
  /// Marks `reader`, the only reader of another node's output, as computed by that node's module.
  void absorb(const OnnxNode& reader) { absorbed_.insert(&reader); }
  bool absorbed(const OnnxNode& node) const { return absorbed_.contains(&node); }
  /// Sets the output of an absorbed node to its only non-constant input.
  void pass_on(const OnnxNode& node);

  /// The graph's output. @throws std::invalid_argument  unless it is [N, classes]
  Value logits();
  /// Returns the network with this output.
  std::unique_ptr<layers::Composite> finish(const Value& logits);

 private:
  /// Gives the module's slots the grids of its inputs. A module without slots gets rounded inputs,
  /// unless it leaves the rounding to the readers of `result`.
  /// @return  the module's inputs
  std::vector<Value> quantize(layers::Module& module, const std::string& name,
                              std::vector<Value> inputs, Value& result);

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
  std::unique_ptr<layers::Composite> network_ = std::make_unique<layers::Composite>();
  std::unordered_map<std::string, Known> known_;
  std::deque<OnnxTensor> computed_;  // constants that are not in the file
  std::size_t bytes_left_ = 0;       // that they may still take
  std::size_t reads_left_ = 0;       // bytes that they may still be computed from
  std::unordered_map<std::string, std::vector<const OnnxNode*>> readers_;
  std::unordered_map<std::string, const OnnxNode*> writers_;
  std::set<const OnnxNode*> absorbed_;
  using Computation = std::pair<std::string, std::vector<const OnnxTensor*>>;
  std::map<Computation, const OnnxNode*> computations_;  // the first of each operator and inputs
  std::map<std::pair<const OnnxTensor*, bool>, SharedWeight> shared_;
  std::unordered_map<const OnnxTensor*, int> weight_readers_;
  std::unordered_map<std::string, int> names_;
};

}  // namespace quench::onnx
