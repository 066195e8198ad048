#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "layers/module.h"

namespace quench {

/// Modules that read each other's outputs in any way that has an order: a network that is no sequence
/// of blocks.
class Graph final : public Module {
 public:
  using ValueId = std::size_t;
  static constexpr ValueId kInput = 0;  ///< what forward() is given

  /// Adds a module that reads `inputs`, which are there already.
  /// @return what it computes
  /// @throws std::logic_error  for no inputs or an unknown one; else as Sequential::append()
  ValueId append(const std::string& name, std::shared_ptr<Module> module,
                 std::vector<ValueId> inputs);
  /// Once all modules are there: forward() returns `output`.
  /// @throws std::logic_error  for an unknown one
  void finish(ValueId output);

 protected:
  Variable forward(const Variable& input) override;

 private:
  struct Step {
    std::shared_ptr<Module> module;
    std::vector<ValueId> inputs;
    std::vector<ValueId> done_with = {};  // values that no later step reads
  };

  std::vector<Step> steps_;  // step i computes value i + 1
  ValueId output_ = kInput;
};

}  // namespace quench
