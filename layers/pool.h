#pragma once

#include "core/window.h"
#include "layers/module.h"

namespace quench {

class MaxPool2d final : public Module {
 public:
  explicit MaxPool2d(const Window2d& window) : window_(window) {}

 protected:
  Variable forward(const Variable& input) override;

 private:
  Window2d window_;
};

class AveragePool2d final : public Module {
 public:
  explicit AveragePool2d(const Window2d& window) : window_(window) {}

 protected:
  Variable forward(const Variable& input) override;

 private:
  Window2d window_;
};

/// [N, C, H, W] to [N, C].
class GlobalAveragePool final : public Module {
 protected:
  Variable forward(const Variable& input) override;
};

}  // namespace quench
