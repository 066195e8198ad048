#pragma once

#include <memory>
#include <string>

#include "layers/composite.h"

namespace quench {

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

}  // namespace quench
