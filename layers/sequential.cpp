#include "layers/sequential.h"

namespace quench {

Variable Sequential::forward(const Variable& input) {
  Variable value = input;
  for (const auto& module : sequence_) value = (*module)(value);
  return value;
}

}  // namespace quench
