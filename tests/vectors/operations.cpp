#include "vectors/operations.h"

#include <array>

namespace quench::vectors {

CaseFunction find_operation(std::string_view op) {
  const std::array groups{
      ab_operations(),        adaround_operations(),    affine_operations(),
      apot_operations(),      approx_sign_operations(), binary_network_operations(),
      binary_operations(),    bit_search_operations(),  bn_fold_operations(),
      bnn_operations(),       bwn_xnor_operations(),    calibrator_operations(),
      distill_operations(),   dorefa_operations(),      equalize_operations(),
      fat_operations(),       gptq_operations(),        gradient_quantizer_operations(),
      int_exact_operations(), lr_schedule_operations(), lsq_operations(),
      lsq_plus_operations(),  optimizer_operations(),   pact_operations(),
      plugins_operations(),   ppq_operations(),         reconstruction_operations(),
      requant_operations(),   tqt_operations(),         twn_operations()};
  for (const auto& group : groups) {
    for (const Operation& operation : group) {
      if (operation.op == op) return operation.run;
    }
  }
  return nullptr;
}

}  // namespace quench::vectors
