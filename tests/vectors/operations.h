#pragma once

#include <span>

#include "vectors/case.h"

namespace quench::vectors {

// The operations of each group that the project has, one table per source file.
std::span<const Operation> ab_operations();
std::span<const Operation> adaround_operations();
std::span<const Operation> affine_operations();
std::span<const Operation> apot_operations();
std::span<const Operation> approx_sign_operations();
std::span<const Operation> binary_network_operations();
std::span<const Operation> binary_operations();
std::span<const Operation> bit_search_operations();
std::span<const Operation> bn_fold_operations();
std::span<const Operation> bnn_operations();
std::span<const Operation> bwn_xnor_operations();
std::span<const Operation> calibrator_operations();
std::span<const Operation> distill_operations();
std::span<const Operation> dorefa_operations();
std::span<const Operation> equalize_operations();
std::span<const Operation> fat_operations();
std::span<const Operation> gptq_operations();
std::span<const Operation> gradient_quantizer_operations();
std::span<const Operation> int_exact_operations();
std::span<const Operation> lr_schedule_operations();
std::span<const Operation> lsq_operations();
std::span<const Operation> lsq_plus_operations();
std::span<const Operation> optimizer_operations();
std::span<const Operation> pact_operations();
std::span<const Operation> plugins_operations();
std::span<const Operation> ppq_operations();
std::span<const Operation> reconstruction_operations();
std::span<const Operation> requant_operations();
std::span<const Operation> tqt_operations();
std::span<const Operation> twn_operations();

/// The function of `op`, or null if the project does not have it yet.
CaseFunction find_operation(std::string_view op);

}  // namespace quench::vectors
