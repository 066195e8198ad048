#include "layers/graph.h"

#include <algorithm>

#include "support/error.h"

namespace quench {

Graph::ValueId Graph::append(const std::string& name, std::shared_ptr<Module> module,
                             std::vector<ValueId> inputs) {
  expect(!inputs.empty() && std::ranges::max(inputs) <= steps_.size(),
         "graph: {}: expected inputs of the {} values there are", name, steps_.size() + 1);
  steps_.push_back({register_module(name, std::move(module)), std::move(inputs)});
  return steps_.size();
}

void Graph::finish(ValueId output) {
  expect(output <= steps_.size(), "graph: expected an output below {}, got {}", steps_.size() + 1,
         output);
  output_ = output;
  // Inference lets go of a value when its last reader has run; in training the tape keeps what it needs.
  std::vector<bool> read(steps_.size() + 1);
  read[output_] = true;
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    step->done_with.clear();
    for (const ValueId id : step->inputs) {
      if (!read[id]) step->done_with.push_back(id);
      read[id] = true;
    }
  }
}

Variable Graph::forward(const Variable& input) {
  std::vector<Variable> values(steps_.size() + 1);
  values[kInput] = input;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    std::vector<Variable> inputs;
    for (const ValueId id : step.inputs) inputs.push_back(values[id]);
    values[i + 1] = (*step.module)(inputs);
    inputs.clear();
    for (const ValueId id : step.done_with) values[id] = {};
  }
  return values[output_];
}

}  // namespace quench
