#pragma once

#include <cstdint>
#include <string>

#include "ptq/reconstruction/gptq.h"
#include "support/settings.h"

namespace quench {

/// What a descent varies of a unit, and how (ptq/reconstruction/descent.h).
struct DescentPlan {
  /// Of weights: as they are; AdaRound's down or up; a learned offset.
  enum class Rounding : std::uint8_t { fixed, soft, offset };

  Rounding rounding = Rounding::soft;
  bool steps = false;              ///< activations are quantized, by steps that are trained
  double keep = 1.0;               ///< the share of their elements that are, in (0, 1]: QDrop's p
  double norm = 2.0;               ///< p of the loss, sum over channels of |y - T|^p
  std::int64_t iterations = 2000;  ///< >= 1
  std::int64_t batch_size = 32;    ///< >= 1
  double lr = 1e-2;                ///< of rounding; > 0
  double regularization = 0.01;    ///< of soft rounding; >= 0
  double warm_up = 0.2;   ///< of soft rounding: the share without regularization, in [0, 1)
  bool cosine = false;    ///< whether soft rounding sharpens by a cosine, not linearly
  double step_lr = 4e-5;  ///< of steps, falling to 0 by a cosine; > 0
};

/// How the codes of weights are chosen once their scales are: [calibration] and its tables.
struct ReconstructionOptions {
  /// "none": each weight's nearest code; "gptq"; "adaround"; "brecq", which trains the steps of
  /// activations afterwards; "qdrop", which does so meanwhile; "rounding_offset".
  std::string method = "none";
  double memory_gib = 4.0;  ///< for what is kept of all calibration images; > 0
  bool blocks = false;      ///< units are blocks, not layers
  GptqOptions gptq;
  DescentPlan weights;  ///< of the other methods, and of layers too wide for gptq
  DescentPlan steps;    ///< of brecq

  bool wanted() const { return method != "none"; }
  /// Whether the method trains the steps of activations, whose ranges it thus needs before.
  bool trains_steps() const { return method == "brecq" || method == "qdrop"; }
};

/// Reads `reconstruct`, `reconstruct_memory` and the method's own table from [calibration].
/// @throws std::invalid_argument  for an unknown method or key, or a value out of range
ReconstructionOptions read_reconstruction(const Settings& calibration);

}  // namespace quench
