#pragma once

#include <cstdint>

#include "layers/module.h"

namespace quench {

/// Channels of zeros before and after those of [N, C, H, W]: what fits a shortcut without parameters
/// to more channels (He et al. 2015, section 4.2, option A).
class PadChannels final : public Module {
 public:
  /// @throws std::invalid_argument  for a negative count
  PadChannels(std::int64_t before, std::int64_t after);
  std::int64_t before() const { return before_; }
  std::int64_t after() const { return after_; }

 protected:
  Variable forward(const Variable& input) override;

 private:
  std::int64_t before_, after_;
};

}  // namespace quench
