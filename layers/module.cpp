#include "layers/module.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

#include "core/ops/reduce.h"
#include "layers/graph.h"
#include "layers/quantizable_module.h"
#include "layers/quantized_layer.h"
#include "support/error.h"

namespace quench::layers {
namespace {

thread_local ForwardObserver* observer = nullptr;  // per thread, like the tape

std::string join(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : prefix + "." + name;
}

class NonFiniteFinder final : public ForwardObserver {
 public:
  void after(const Module& module, Inputs, const Variable& output) override {
    if (found.empty() && !all_finite(output.value()))
      found = module.name().empty() ? "the network" : module.name();
  }
  std::string found;
};

}  // namespace

ForwardObserver::ForwardObserver() : outer_(std::exchange(observer, this)) {}
ForwardObserver::~ForwardObserver() { observer = outer_; }

Variable Module::operator()(const Variable& input) { return (*this)(std::span(&input, 1)); }

Variable Module::operator()(const Variable& a, const Variable& b) {
  return (*this)(std::array{a, b});
}

Variable Module::operator()(std::span<const Variable> inputs) {
  expect(!inputs.empty(), "{}: expected at least one input, got none", name_);
  Variable output = inputs.size() == 1 ? forward(inputs[0]) : combine(inputs);
  if (observer != nullptr) observer->after(*this, inputs, output);
  return output;
}

Variable Module::forward(const Variable&) {
  expect(false, "{}: expected several inputs, got one", name_);
  return {};
}

Variable Module::combine(std::span<const Variable> inputs) {
  expect(false, "{}: expected one input, got {}", name_, inputs.size());
  return {};
}

void Module::set_training(bool training) {
  for (const auto& [name, module] : modules()) module->training_ = training;
}

void Module::set_quantizer_mode(quant::Mode mode) {
  for_each_quantizer(*this, [mode](quant::Quantizer& quantizer) { quantizer.set_mode(mode); });
}

std::vector<std::pair<std::string, Module*>> Module::modules() {
  std::vector<std::pair<std::string, Module*>> result{{name_, this}};
  for (const auto& [name, child] : children_) {
    std::ranges::copy(child->modules(), std::back_inserter(result));
  }
  return result;
}

std::vector<QuantizableModule*> Module::quantizable_modules() {
  std::vector<QuantizableModule*> result;
  for (const auto& [path, module] : modules())
    if (auto* found = module->as_quantizable()) result.push_back(found);
  return result;
}

std::vector<QuantizedLayer*> Module::quantized_layers() {
  std::vector<QuantizedLayer*> result;
  for (const auto& [path, module] : modules())
    if (auto* found = module->as_quantized_layer()) result.push_back(found);
  return result;
}

ValueId Module::lower(Graph& graph, std::vector<ValueId> inputs) {
  return graph.append(*this, std::move(inputs));
}

std::vector<Parameter> Module::parameters() {
  std::vector<Parameter> result;
  for (const auto& [path, module] : modules()) {
    QuantizedLayer* layer = module->as_quantized_layer();
    for (const auto& [name, parameter] : module->parameters_) {
      result.push_back(*parameter);
      result.back().name = join(path, name);
      if (layer != nullptr && parameter->kind == ParameterKind::weight) {
        result.back().quantizer = &layer->weight_quantizer();
      }
    }
    QuantizableModule* quantizable = module->as_quantizable();
    if (quantizable == nullptr) continue;
    for (const auto& [slot, quantizer] : quantizable->quantizers()) {
      for (const auto& [name, value] : quantizer->parameters()) {
        result.push_back({join(path, join(slot, name)), value, ParameterKind::quantizer, nullptr});
      }
    }
  }
  return result;
}

std::vector<Buffer> Module::buffers() {
  std::vector<Buffer> result;
  for (const auto& [path, module] : modules()) {
    for (const auto& [name, buffer] : module->buffers_)
      result.push_back({join(path, name), *buffer});
  }
  return result;
}

Variable& Module::register_parameter(std::string name, Tensor value, ParameterKind kind) {
  require_free(name);
  auto parameter =
      std::make_unique<Parameter>(Parameter{name, Variable(std::move(value), true), kind, nullptr});
  parameters_.emplace_back(std::move(name), std::move(parameter));
  return parameters_.back().second->value;
}

Tensor& Module::register_buffer(std::string name, Tensor value) {
  require_free(name);
  buffers_.emplace_back(std::move(name), std::make_unique<Tensor>(std::move(value)));
  return *buffers_.back().second;
}

void Module::add_child(std::string name, std::shared_ptr<Module> module) {
  require_free(name);
  // A module has one name, and its parameters appear once among the network's parameters.
  expect(module->name_.empty(), "module {}: expected a module that is not part of another, got {}",
         name, module->name_);
  module->rename(join(name_, name));
  children_.emplace_back(std::move(name), std::move(module));
}

void Module::replace_module(const std::string& name, std::shared_ptr<Module> module) {
  const auto found =
      std::ranges::find(children_, name, [](const auto& child) { return child.first; });
  expect(found != children_.end(), "module {}: inner module {} does not exist", name_, name);
  expect(module->name_.empty(), "module {}: expected a module that is not part of another, got {}",
         name, module->name_);
  module->rename(join(name_, name));
  found->second = std::move(module);
}

void Module::rename(const std::string& name) {
  name_ = name;
  for (const auto& [child_name, child] : children_) child->rename(join(name_, child_name));
}

void Module::require_free(const std::string& name) const {
  expect(!name.empty() && name.find('.') == std::string::npos,
         "module: expected a name without dots, got \"{}\"", name);
  const auto taken = [&](const auto& entries) {
    return std::ranges::any_of(entries, [&](const auto& entry) { return entry.first == name; });
  };
  expect(!taken(parameters_) && !taken(buffers_) && !taken(children_),
         "module: the name {} is registered twice{}", name, name_.empty() ? "" : " in " + name_);
}

ModeGuard::ModeGuard(Module& network, bool training, quant::Mode quantizers) {
  for (const auto& [name, module] : network.modules()) {
    modules_.emplace_back(module, module->training());
  }
  for_each_quantizer(network, [this](quant::Quantizer& quantizer) {
    quantizers_.emplace_back(&quantizer, quantizer.mode());
  });
  network.set_training(training);
  network.set_quantizer_mode(quantizers);
}

ModeGuard::~ModeGuard() {
  // Outermost first: set_training() also sets inner modules, whose own modes are restored
  // afterwards.
  for (const auto& [module, training] : modules_) module->set_training(training);
  for (const auto& [quantizer, mode] : quantizers_) quantizer->set_mode(mode);
}

std::string first_non_finite(Module& network, const Tensor& images) {
  const NoGradGuard no_grad;
  NonFiniteFinder finder;
  try {
    network(Variable(images));
  } catch (const std::invalid_argument&) {
    // A quantizer refuses NaN, which is expected if an earlier output has one.
    if (finder.found.empty()) throw;
  }
  return finder.found;
}

}  // namespace quench::layers
