#pragma once

#include <memory>
#include <string>
#include <vector>

#include "layers/module.h"

namespace quench {

/// Modules applied one after the other.
class Sequential : public Module {
 public:
  /// @throws std::logic_error  if the name is taken, empty or has a dot, or if the module is
  ///                           already part of another
  template <typename M>
  std::shared_ptr<M> append(std::string name, std::shared_ptr<M> module) {
    register_module(std::move(name), module);
    sequence_.push_back(module);
    return module;
  }

 protected:
  Variable forward(const Variable& input) override;

 private:
  std::vector<std::shared_ptr<Module>> sequence_;
};

}  // namespace quench
