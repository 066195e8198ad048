#include "layers/residual.h"

#include <utility>

#include "layers/arithmetic.h"

namespace quench {

void Residual::append(const std::string& name, std::shared_ptr<Module> module) {
  set_output(branch_ = Composite::append(name, std::move(module), {branch_}));
}

void Residual::set_shortcut(const std::string& name, std::shared_ptr<Module> module) {
  shortcut_ = Composite::append(name, std::move(module), {Graph::kInput});
}

void Residual::join(Activation activation) {
  set_output(Composite::append("add", std::make_shared<Add>(activation), {branch_, shortcut_}));
}

}  // namespace quench
