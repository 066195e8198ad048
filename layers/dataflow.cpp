#include "layers/dataflow.h"

#include <algorithm>
#include <map>

#include "layers/mode_guard.h"

namespace quench {
namespace {

bool same(const Tensor& a, const Tensor& b) {
  return a.shares_storage_with(b) && a.shape() == b.shape() && a.bytes_begin() == b.bytes_begin();
}

class Recorder final : public ForwardObserver {
 public:
  explicit Recorder(Module& network) {
    for (const auto& [name, module] : network.modules()) {
      if (module->modules().size() == 1) leaves_.emplace(module, module);
    }
  }
  void after(const Module& module, Inputs inputs, const Variable& output) override {
    const auto leaf = leaves_.find(&module);
    if (leaf == leaves_.end() || same(inputs[0].value(), output.value())) return;
    Dataflow::Run run{leaf->second, {}, output.value()};
    for (const Variable& input : inputs) run.inputs.push_back(input.value());
    runs.push_back(std::move(run));
  }
  std::vector<Dataflow::Run> runs;

 private:
  std::map<const Module*, Module*> leaves_;
};

}  // namespace

Dataflow::Dataflow(Module& network, const Tensor& images) {
  const NoGradGuard no_grad;
  const ModeGuard modes(network, false, quant::Mode::bypass);
  Recorder recorder(network);
  output_ = network(Variable(images)).value();
  runs_ = std::move(recorder.runs);
}

std::vector<const Dataflow::Run*> Dataflow::readers(const Tensor& tensor) const {
  std::vector<const Run*> result;
  for (const Run& run : runs_) {
    const auto reads = [&tensor](const Tensor& input) { return same(input, tensor); };
    if (std::ranges::any_of(run.inputs, reads)) result.push_back(&run);
  }
  return result;
}

const Dataflow::Run* Dataflow::writer(const Tensor& tensor) const {
  const auto wrote = [&tensor](const Run& run) { return same(run.output, tensor); };
  const auto found = std::ranges::find_if(runs_, wrote);
  return found == runs_.end() ? nullptr : &*found;
}

}  // namespace quench
