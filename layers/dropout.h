#pragma once

#include "core/random.h"
#include "layers/module.h"

namespace quench {

/// In training, sets each element to 0 with the given probability and scales the rest by 1/(1-p)
/// (Srivastava et al. 2014); in evaluation, the identity.
class Dropout final : public Module {
 public:
  /// @throws std::invalid_argument  unless 0 <= probability < 1
  Dropout(float probability, Random random);

  /// Evaluation passes it by.
  ValueId lower(Graph& graph, std::vector<ValueId> inputs) override;

 protected:
  Variable forward(const Variable& input) override;

 private:
  float probability_;
  Random random_;
  Tensor& position_;  // in the random stream; a buffer, so that a resumed run draws the same masks
};

}  // namespace quench
