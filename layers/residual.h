#pragma once

#include <memory>
#include <string>

#include "core/ops/activation.h"
#include "layers/composite.h"

namespace quench {

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
