#pragma once

#include <string>

#include "ptq/reconstruction/gptq.h"
#include "support/settings.h"

namespace quench {

/// How the codes of weights are chosen once their scales are: [calibration] and its tables.
struct ReconstructionOptions {
  std::string method = "none";  ///< "none": each weight's nearest code; "gptq"
  double memory_gib = 4.0;      ///< for what is kept of all calibration images; > 0
  GptqOptions gptq;

  bool wanted() const { return method != "none"; }
};

/// Reads `reconstruct`, `reconstruct_memory` and the method's own table from [calibration].
/// @throws std::invalid_argument  for an unknown method or key, or a value out of range
ReconstructionOptions read_reconstruction(const Settings& calibration);

}  // namespace quench
