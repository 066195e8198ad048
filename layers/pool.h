#pragma once

#include "core/window.h"
#include "layers/module.h"

namespace quench {

/// max_pool2d() of core/pool.h as a layer: [N, C, H, W] to [N, C, OH, OW].
class MaxPool2d final : public Module {
 public:
  explicit MaxPool2d(const Window2d& window) : window_(window) {}

 protected:
  Variable forward(const Variable& input) override;

 private:
  Window2d window_;
};

/// avg_pool2d() of core/pool.h as a layer: the mean over places in the image, without padding.
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
