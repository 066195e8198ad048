#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "layers/add.h"
#include "layers/module.h"

namespace quench {

/// activation(branch(x) + shortcut(x)), where the branch is modules one after the other and the
/// shortcut x itself or a module; without join() the branch alone. Built from its parts in the
/// order of these functions, in which they also run.
class Residual final : public Module {
 public:
  /// The next step of the branch. These throw as Sequential::append().
  void append(const std::string& name, std::shared_ptr<Module> module);
  void set_shortcut(const std::string& name, std::shared_ptr<Module> module);
  /// Ends in the sum, "add".
  void join(Activation activation);

 protected:
  Variable forward(const Variable& input) override;

 private:
  std::vector<std::shared_ptr<Module>> branch_;
  std::shared_ptr<Module> shortcut_;  // null for the identity
  std::shared_ptr<Add> add_;          // null for the branch alone
};

}  // namespace quench
