#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "deploy/engine/engine.h"

namespace quench::deploy {

/// One operation, made ready to run.
class Engine::Step {
 public:
  /// Where an operation finds its values, by ValueId; and the normalized pixels of the image.
  struct Memory {
    std::span<std::byte* const> values;
    const float* pixels;
  };

  virtual ~Step() = default;
  virtual void run(const Memory& memory) = 0;
  virtual std::string_view kernel() const { return {}; }
};

/// @throws std::invalid_argument  as Engine()
std::unique_ptr<Engine::Step> make_step(const IntegerNetwork& network, const Operation& operation,
                                        Isa isa, Products products);

}  // namespace quench::deploy
