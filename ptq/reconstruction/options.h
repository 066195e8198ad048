#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ptq/reconstruction/gptq.h"
#include "support/settings.h"

namespace quench::ptq {

/// How the loss of a unit weighs the elements of its output by what the network's logits make of them
/// (Li et al. 2021, arXiv:2102.05426, in the form of the authors' code).
enum class Fisher : std::uint8_t {
  none,
  diagonal,  ///< mean over images and positions of sum over channels of d^2 w^2
  full,      ///< mean over elements of S |d| w / 100, with S the image's sum of |d| w
};

/// What a descent varies in a unit, and how (ptq/reconstruction/descent.h).
struct DescentPlan {
  /// Rounding of weights: fixed; AdaRound's down or up; a learned offset.
  enum class Rounding : std::uint8_t { fixed, soft, offset };

  Rounding rounding = Rounding::soft;
  bool steps = false;  ///< whether activations are quantized with trained steps
  double keep = 1.0;   ///< the share of quantized elements in activations, in (0, 1]: QDrop's p
  double norm = 2.0;   ///< p of the loss, sum over channels of |y - T|^p
  Fisher fisher = Fisher::none;    ///< other than none: its loss instead
  std::int64_t iterations = 2000;  ///< >= 1
  std::int64_t batch_size = 32;    ///< >= 1
  double lr = 1e-2;                ///< for rounding; > 0
  double regularization = 0.01;    ///< for soft rounding; >= 0
  double warm_up = 0.2;            ///< soft rounding: share without regularization, in [0, 1)
  bool cosine = false;    ///< whether soft rounding sharpens along a cosine instead of linearly
  double step_lr = 4e-5;  ///< for steps, falling to 0 along a cosine; > 0
};

/// How the codes of weights are chosen, given their scales: [calibration] and its tables.
struct ReconstructionOptions {
  /// "none": each weight's nearest code; "gptq"; "adaround"; "brecq", which trains the steps of
  /// activations afterwards; "qdrop", which trains them at the same time; "rounding_offset".
  std::string method = "none";
  double memory_gib = 4.0;  ///< for values kept for all calibration images; > 0
  bool blocks = false;      ///< units are blocks, not layers
  GptqOptions gptq;
  DescentPlan weights;  ///< for the other methods, and for layers too wide for gptq
  DescentPlan steps;    ///< for brecq

  bool wanted() const { return method != "none"; }
  /// Whether the method trains the steps of activations, and so needs their ranges first.
  bool trains_steps() const { return method == "brecq" || method == "qdrop"; }
};

/// The methods of ReconstructionOptions but "none".
const std::vector<std::string>& reconstruction_methods();

/// Reads `reconstruct`, `reconstruct_memory` and the method's own table from [calibration].
/// @throws std::invalid_argument  for an unknown method or key, or a value out of range
ReconstructionOptions read_reconstruction(const Settings& calibration);

}  // namespace quench::ptq
