#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "autograd/variable.h"
#include "layers/layer.h"
#include "quant/quantizer.h"

namespace quench {

class Graph;
class QuantizedLayer;
class QuantizableModule;

/// What a parameter is for, which decides its optimizer group.
enum class ParameterKind : std::uint8_t {
  weight,  ///< of a convolution or linear layer: the one kind that decays
  bias,
  norm,       ///< gain or bias of a normalization
  quantizer,  ///< a trained threshold or scale
};

/// A trained value of a network, by its dotted name.
struct Parameter {
  std::string name;
  Variable value;
  ParameterKind kind = ParameterKind::weight;
  /// Of the slot that a weight passes through; null for other kinds.
  quant::Quantizer* quantizer = nullptr;
};

/// A value of a layer that is not trained but saved, such as a running mean.
struct Buffer {
  std::string name;
  Tensor value;  ///< a handle: writing through it changes the layer
};

/// A part of a network: its parameters, buffers and inner modules, under names.
///
/// A subclass registers these in its constructor and defines forward(). Dotted names
/// ("conv1.weight") follow from the registrations and are those of checkpoints and of a config's
/// patterns.
class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// forward() of one input or combine() of several, told to the ForwardObserver that is alive, if
  /// any.
  Variable operator()(const Variable& input);
  Variable operator()(const Variable& a, const Variable& b);
  /// @throws std::logic_error  for no inputs, or for a number that the module does not take
  Variable operator()(std::span<const Variable> inputs);

  /// Batch norm and dropout as in training, or as in evaluation. Quantizers have their own mode.
  void set_training(bool training);
  bool training() const { return training_; }

  std::vector<Parameter> parameters();
  std::vector<Buffer> buffers();
  /// Every module with quantizer slots, and every one of these that has a weight, in the order in
  /// which they are registered.
  std::vector<QuantizableModule*> quantizable_modules();
  std::vector<QuantizedLayer*> quantized_layers();
  /// Sets the mode of every quantizer.
  void set_quantizer_mode(quant::Mode mode);
  /// This module and all inner ones with their dotted names, outermost first.
  std::vector<std::pair<std::string, Module*>> modules();

  /// This module as what it is: one with quantizer slots, one with a weight too, a kind of layer. Null,
  /// null and a CustomLayer for any other.
  virtual QuantizableModule* as_quantizable() { return nullptr; }
  virtual QuantizedLayer* as_quantized_layer() { return nullptr; }
  virtual Layer as_layer() { return CustomLayer{this}; }
  /// Adds the layers that this module is made of to `graph`: itself, unless it is made of others.
  /// @param inputs  the values that it reads
  /// @return the value that it computes
  virtual ValueId lower(Graph& graph, std::vector<ValueId> inputs);

  /// The dotted name within the network; empty for the network itself.
  const std::string& name() const { return name_; }

 protected:
  /// A module defines one of the two: of one input, or of two and more.
  /// @throws std::logic_error  unless defined: it takes another number of inputs
  virtual Variable forward(const Variable& input);
  virtual Variable combine(std::span<const Variable> inputs);

  /// Each adds a part under `name`; the reference stays valid as long as the module lives.
  /// @throws std::logic_error  if the name is taken, empty or has a dot, or if the module is
  ///                           already part of another
  Variable& register_parameter(std::string name, Tensor value, ParameterKind kind);
  Tensor& register_buffer(std::string name, Tensor value);
  template <typename M>
  std::shared_ptr<M> register_module(const std::string& name, std::shared_ptr<M> module) {
    add_child(name, module);
    return module;
  }
  /// Replaces the inner module called `name` by `module`, under the same name.
  /// @throws std::logic_error  if `name` does not exist, or if `module` is already part of another
  void replace_module(const std::string& name, std::shared_ptr<Module> module);

 private:
  void add_child(std::string name, std::shared_ptr<Module> module);
  void rename(const std::string& prefix);
  void require_free(const std::string& name) const;

  std::string name_;
  bool training_ = true;
  // Pointers to heap nodes, so that the references handed out by register_... stay valid.
  std::vector<std::pair<std::string, std::unique_ptr<Parameter>>> parameters_;
  std::vector<std::pair<std::string, std::unique_ptr<Tensor>>> buffers_;
  std::vector<std::pair<std::string, std::shared_ptr<Module>>> children_;
};

/// While one lives, it is told of every module that has run, innermost first: in order of
/// execution. Observers nest; the latest hears alone.
class ForwardObserver {
 public:
  ForwardObserver();
  virtual ~ForwardObserver();
  ForwardObserver(const ForwardObserver&) = delete;
  ForwardObserver& operator=(const ForwardObserver&) = delete;

  /// What a module read, at least one, in the order of its operator().
  using Inputs = std::span<const Variable>;

  virtual void after(const Module& module, Inputs inputs, const Variable& output) = 0;

 private:
  ForwardObserver* outer_;
};

/// Sets the modes of a network for a scope; in the end every module and quantizer has its own back.
class ModeGuard {
 public:
  /// @param training    of batch norm and dropout
  /// @param quantizers  of all quantizers
  ModeGuard(Module& network, bool training, quant::Mode quantizers);
  ~ModeGuard();
  ModeGuard(const ModeGuard&) = delete;
  ModeGuard& operator=(const ModeGuard&) = delete;

 private:
  std::vector<std::pair<Module*, bool>> modules_;
  std::vector<std::pair<quant::Quantizer*, quant::Mode>> quantizers_;
};

/// The dotted name of the first module, in order of execution, whose output for `images` holds NaN
/// or infinity; empty if there is none. Modes stay as they are, so statistics may be updated.
/// @throws std::invalid_argument  if a quantizer refuses NaN before any output held one; names it
std::string first_non_finite(Module& network, const Tensor& images);

}  // namespace quench
