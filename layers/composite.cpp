#include "layers/composite.h"

#include <algorithm>
#include <utility>

#include "layers/arithmetic.h"
#include "support/error.h"

namespace quench::layers {

ValueId Composite::append(const std::string& name, std::shared_ptr<Module> module,
                          std::vector<ValueId> inputs) {
  expect(!inputs.empty() && std::ranges::max(inputs) <= modules_.size(),
         "{}: expected inputs among the {} values before it", name, modules_.size() + 1);
  modules_.push_back(register_module(name, std::move(module)));
  inputs_.push_back(std::move(inputs));
  done_with_.assign(inputs_.size(), {});  // set_output() decides which values may be freed
  return modules_.size();
}

void Composite::replace(const std::string& name, std::shared_ptr<Module> module) {
  const auto own_name = [&](const auto& part) {
    return part->name() == (this->name().empty() ? name : this->name() + "." + name);
  };
  const auto found = std::ranges::find_if(modules_, own_name);
  expect(found != modules_.end(), "composite: module {} does not exist", name);
  replace_module(name, module);
  *found = std::move(module);
}

void Composite::set_output(ValueId output) {
  expect(output <= modules_.size(), "composite: expected an output below {}, got {}",
         modules_.size() + 1, output);
  output_ = output;
  done_with_ = last_reads(inputs_, output);
}

ValueId Composite::lower(Graph& graph, std::vector<ValueId> inputs) {
  expect(inputs.size() == 1, "composite {}: expected one input, got {}", name(), inputs.size());
  std::vector<ValueId> values{inputs[0]};
  for (std::size_t i = 0; i < modules_.size(); ++i) {
    std::vector<ValueId> read;
    for (const ValueId id : inputs_[i]) read.push_back(values[id]);
    values.push_back(modules_[i]->lower(graph, std::move(read)));
  }
  return values[output_];
}

Variable Composite::forward(const Variable& input) {
  std::vector<Variable> values(modules_.size() + 1);
  values[Graph::kInput] = input;
  for (std::size_t i = 0; i < modules_.size(); ++i) {
    std::vector<Variable> inputs;
    for (const ValueId id : inputs_[i]) inputs.push_back(values[id]);
    values[i + 1] = (*modules_[i])(inputs);
    // In inference this frees a value after its last reader; in training the tape keeps what it needs.
    for (const ValueId id : done_with_[i]) values[id] = {};
  }
  return values[output_];
}

void Residual::append(const std::string& name, std::shared_ptr<Module> module) {
  set_output(branch_ = Composite::append(name, std::move(module), {branch_}));
}

void Residual::set_shortcut(const std::string& name, std::shared_ptr<Module> module) {
  shortcut_ = Composite::append(name, std::move(module), {Graph::kInput});
}

void Residual::join(Activation activation) {
  set_output(Composite::append("add", std::make_shared<Add>(activation), {branch_, shortcut_}));
}

}  // namespace quench::layers
