#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "layers/module.h"

namespace quench::train {

/// The quantizer of each slot in words, as network_state() puts them into a checkpoint's metadata, a
/// line each: "conv1.weight lsq 4 bits per_tensor".
inline constexpr const char* kQuantizers = "quantizers";
std::string quantizers_text(Module& network);

/// What became of the quantizers of a network that starts from a trained one.
struct KeptQuantizers {
  std::size_t kept = 0;            ///< slots
  std::vector<std::string> fresh;  ///< slots that begin anew, with the reason
};

/// Gives each quantizer of `network` what the same slot had learned in `file`: trained scales and
/// thresholds, gathered ranges. It has to be of the same method, bits and granularity there; another
/// one begins anew, and so does each one's place in the run (alpha, freezing).
KeptQuantizers load_trained_quantizers(Module& network, const TensorFile& file);

}  // namespace quench::train
