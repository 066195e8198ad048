#pragma once

#include <vector>

#include "layers/module.h"

namespace quench {

/// Whether a batch norm or activation layer ends in ReLU6.
bool is_relu6(Module& module);

/// Puts ReLU in the place of every ReLU6 of batch norms and activation layers: cross-layer
/// equalization needs an activation that scales with its input (Nagel et al. 2019,
/// arXiv:1906.04721, section 5.1.1). What the network computes changes where a value exceeds 6.
/// @return the modules changed, in the order in which they are registered
std::vector<Module*> replace_relu6(Module& network);

/// The same for a scope; in the end the network has its ReLU6 back.
class Relu6Replaced {
 public:
  explicit Relu6Replaced(Module& network) : changed_(replace_relu6(network)) {}
  ~Relu6Replaced();
  Relu6Replaced(const Relu6Replaced&) = delete;
  Relu6Replaced& operator=(const Relu6Replaced&) = delete;

 private:
  std::vector<Module*> changed_;
};

}  // namespace quench
