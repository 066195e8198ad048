#include "layers/residual.h"

namespace quench {

void Residual::append(const std::string& name, std::shared_ptr<Module> module) {
  branch_.push_back(register_module(name, std::move(module)));
}

void Residual::set_shortcut(const std::string& name, std::shared_ptr<Module> module) {
  shortcut_ = register_module(name, std::move(module));
}

void Residual::join(Activation activation) {
  add_ = register_module("add", std::make_shared<Add>(activation));
}

Variable Residual::forward(const Variable& input) {
  Variable value = input;
  for (const auto& module : branch_) value = (*module)(value);
  if (!add_) return value;
  return (*add_)(value, shortcut_ ? (*shortcut_)(input) : input);
}

}  // namespace quench
