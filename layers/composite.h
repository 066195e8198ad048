#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/ops/activation.h"
#include "layers/graph.h"
#include "layers/module.h"

namespace quench::layers {

/// Modules that read each other's outputs, in any acyclic order: a network or block that is not a
/// plain sequence.
class Composite : public Module {
 public:
  /// Adds a module that reads `inputs`: Graph::kInput, or outputs of earlier modules.
  /// @return the value that it computes
  /// @throws std::logic_error  if `inputs` is empty or has an unknown value; if the name is taken,
  ///                           empty or has a dot; or if the module is already part of another
  ValueId append(const std::string& name, std::shared_ptr<Module> module,
                 std::vector<ValueId> inputs);
  /// Replaces the module called `name` by another that reads and writes the same values.
  /// @throws std::logic_error  if `name` does not exist, or if the module is already part of another
  void replace(const std::string& name, std::shared_ptr<Module> module);
  /// Sets which value is the output; the default is the input.
  /// @throws std::logic_error  for an unknown value
  void set_output(ValueId output);

  ValueId lower(Graph& graph, std::vector<ValueId> inputs) final;

 protected:
  Variable forward(const Variable& input) final;

 private:
  std::vector<std::shared_ptr<Module>> modules_;  // module i computes value i + 1
  std::vector<std::vector<ValueId>> inputs_;
  std::vector<std::vector<ValueId>> done_with_;  // values that no later module reads
  ValueId output_ = Graph::kInput;
};

/// Modules applied in sequence.
class Sequential : public Composite {
 public:
  /// @throws std::logic_error  as Composite::append()
  template <typename M>
  std::shared_ptr<M> append(const std::string& name, std::shared_ptr<M> module) {
    set_output(last_ = Composite::append(name, module, {last_}));
    return module;
  }
  /// Makes the module here:
  ///   network.append<Conv2d>("conv1", {.in_channels = 3, .out_channels = 32}, random);
  ///   network.append<Flatten>("flatten");
  template <typename M, typename... Arguments>
  std::shared_ptr<M> append(const std::string& name, const typename M::Options& options,
                            Arguments&&... arguments) {
    return append(name, std::make_shared<M>(options, std::forward<Arguments>(arguments)...));
  }
  template <typename M>
  requires std::default_initializable<M> std::shared_ptr<M> append(const std::string& name) {
    return append(name, std::make_shared<M>());
  }

 private:
  ValueId last_ = Graph::kInput;
};

/// activation(branch(x) + shortcut(x)). The branch is a sequence of modules; the shortcut is x
/// itself or a module. Without join(), the result is the branch alone. Call these functions in the
/// order in which the parts run.
class Residual final : public Composite {
 public:
  /// Appends a module to the branch. @throws std::logic_error  as Composite::append()
  void append(const std::string& name, std::shared_ptr<Module> module);
  void set_shortcut(const std::string& name, std::shared_ptr<Module> module);
  /// Appends the sum, "add".
  void join(Activation activation);

 private:
  ValueId branch_ = Graph::kInput;
  ValueId shortcut_ = Graph::kInput;
};

}  // namespace quench::layers
