#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/ops/activation.h"
#include "layers/graph.h"
#include "layers/module.h"

namespace quench {

/// Modules that read each other's outputs, in any order without cycles: a network, or a block of one,
/// that is no plain sequence.
class Composite : public Module {
 public:
  /// Adds a module that reads `inputs`: Graph::kInput, or what modules before it compute.
  /// @return what it computes
  /// @throws std::logic_error  for no inputs or an unknown one; if the name is taken, empty or has a
  ///                           dot, or if the module is already part of another
  ValueId append(const std::string& name, std::shared_ptr<Module> module,
                 std::vector<ValueId> inputs);
  /// Replaces the module called `name` by another, which reads and writes the same values.
  /// @throws std::logic_error  if `name` does not exist, or if the module is already part of another
  void replace(const std::string& name, std::shared_ptr<Module> module);
  /// Says what the whole computes: until then, and by default, what it is given.
  /// @throws std::logic_error  for an unknown one
  void set_output(ValueId output);

  ValueId lower(Graph& graph, std::vector<ValueId> inputs) final;

 protected:
  Variable forward(const Variable& input) final;

 private:
  std::vector<std::shared_ptr<Module>> modules_;  // module i computes value i + 1
  std::vector<std::vector<ValueId>> inputs_;
  std::vector<std::vector<ValueId>> done_with_;  // what no later module reads
  ValueId output_ = Graph::kInput;
};

/// Modules applied one after the other.
class Sequential : public Composite {
 public:
  /// @throws std::logic_error  as Composite::append()
  template <typename M>
  std::shared_ptr<M> append(const std::string& name, std::shared_ptr<M> module) {
    set_output(last_ = Composite::append(name, module, {last_}));
    return module;
  }

 private:
  ValueId last_ = Graph::kInput;
};

/// activation(branch(x) + shortcut(x)), where the branch is modules one after the other and the
/// shortcut x itself or a module; without join() the branch alone. Built from its parts in the
/// order of these functions, in which they also run.
class Residual final : public Composite {
 public:
  /// The next module of the branch. These throw as Composite::append().
  void append(const std::string& name, std::shared_ptr<Module> module);
  void set_shortcut(const std::string& name, std::shared_ptr<Module> module);
  /// Ends in the sum, "add".
  void join(Activation activation);

 private:
  ValueId branch_ = Graph::kInput;
  ValueId shortcut_ = Graph::kInput;
};

}  // namespace quench
