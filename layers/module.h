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

namespace quench::layers {

class Graph;
class QuantizedLayer;
class QuantizableModule;

/// The role of a parameter, which decides its optimizer group.
enum class ParameterKind : std::uint8_t {
  weight,  ///< of a convolution or linear layer: the only kind with weight decay
  bias,
  norm,       ///< gain or bias of a normalization
  quantizer,  ///< a trained threshold or scale
};

/// A trained tensor of a network, by its dotted name.
struct Parameter {
  std::string name;
  Variable value;
  ParameterKind kind = ParameterKind::weight;
  /// The weight's own quantizer; null for other kinds.
  quant::Quantizer* quantizer = nullptr;
};

/// A tensor of a layer that is saved but not trained, such as a running mean.
struct Buffer {
  std::string name;
  Tensor value;  ///< a handle: writing through it changes the layer
};

/// A part of a network: its named parameters, buffers and inner modules.
///
/// A subclass registers these in its constructor and defines forward(). The registrations define
/// the dotted names ("conv1.weight") that checkpoints and a config's patterns use.
class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// Calls forward() for one input or combine() for several, and notifies the current
  /// ForwardObserver, if any.
  Variable operator()(const Variable& input);
  Variable operator()(const Variable& a, const Variable& b);
  /// @throws std::logic_error  for a number of inputs that the module does not accept
  Variable operator()(std::span<const Variable> inputs);

  /// Sets batch norm and dropout to training or evaluation. Quantizers have their own mode.
  void set_training(bool training);
  bool training() const { return training_; }

  std::vector<Parameter> parameters();
  std::vector<Buffer> buffers();
  /// Every module with quantizer slots, and those of them that have a weight, in order of
  /// registration.
  std::vector<QuantizableModule*> quantizable_modules();
  std::vector<QuantizedLayer*> quantized_layers();
  /// Sets the mode of every quantizer.
  void set_quantizer_mode(quant::Mode mode);
  /// This module and all inner modules with their dotted names, outermost first.
  std::vector<std::pair<std::string, Module*>> modules();

  /// This module as a module with quantizer slots, as one with a weight too, and as a kind of
  /// layer. By default null, null and a CustomLayer.
  virtual QuantizableModule* as_quantizable() { return nullptr; }
  virtual QuantizedLayer* as_quantized_layer() { return nullptr; }
  virtual Layer as_layer() { return CustomLayer{this}; }
  /// Adds this module to `graph`, or the modules that it consists of.
  /// @param inputs  the values that it reads
  /// @return the value that it computes
  virtual ValueId lower(Graph& graph, std::vector<ValueId> inputs);

  /// The dotted name within the network; empty for the network itself.
  const std::string& name() const { return name_; }

 protected:
  /// A module defines one of the two: forward() for one input, combine() for several.
  /// @throws std::logic_error  if not defined: the module takes another number of inputs
  virtual Variable forward(const Variable& input);
  virtual Variable combine(std::span<const Variable> inputs);

  /// Each adds a part under `name`; the reference stays valid while the module lives.
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
  // Pointers to heap nodes, so that references returned by register_... stay valid.
  std::vector<std::pair<std::string, std::unique_ptr<Parameter>>> parameters_;
  std::vector<std::pair<std::string, std::unique_ptr<Tensor>>> buffers_;
  std::vector<std::pair<std::string, std::shared_ptr<Module>>> children_;
};

/// While it lives, it is notified of every module that has run, innermost first, in order of
/// execution. Only the innermost observer is notified.
class ForwardObserver {
 public:
  ForwardObserver();
  virtual ~ForwardObserver();
  ForwardObserver(const ForwardObserver&) = delete;
  ForwardObserver& operator=(const ForwardObserver&) = delete;

  /// The inputs of a module, at least one, in the order of its operator().
  using Inputs = std::span<const Variable>;

  virtual void after(const Module& module, Inputs inputs, const Variable& output) = 0;

 private:
  ForwardObserver* outer_;
};

/// Sets the modes of a network for a scope, then restores the mode of every module and quantizer.
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

/// The dotted name of the first module, in order of execution, whose output for `images` contains
/// NaN or infinity; empty if none does. Modes are not changed, so statistics may be updated.
/// @throws std::invalid_argument  if a quantizer refuses NaN before any output contains one; the
///                                message names it
std::string first_non_finite(Module& network, const Tensor& images);

}  // namespace quench::layers
