#pragma once

#include <utility>
#include <vector>

#include "layers/module.h"

namespace quench {

/// Sets the modes of a network for a scope; in the end every module and quantizer has its own back.
class ModeGuard {
 public:
  /// @param training    of batch norm and dropout
  /// @param quantizers  of all quantizers
  ModeGuard(Module& network, bool training, quant::Mode quantizers);
  ~ModeGuard();
  ModeGuard(const ModeGuard&) = delete;
  ModeGuard& operator=(const ModeGuard&) = delete;

 private:
  std::vector<std::pair<Module*, bool>> modules_;
  std::vector<std::pair<quant::Quantizer*, quant::Mode>> quantizers_;
};

}  // namespace quench
