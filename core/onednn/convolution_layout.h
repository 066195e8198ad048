#pragma once

#include "core/ops/conv2d.h"

namespace quench::onednn {

enum class Pass { forward, backward_data, backward_weights };

/// Whether a pass is faster in oneDNN's blocked layouts, with the copies of the activations there
/// and back.
///
/// A rule and not a stopwatch: the two round differently, and a run has to repeat to the bit.
bool blocked_layout_pays(Pass pass, const Shape& input, const Shape& weight,
                         const Conv2dParams& params);

/// Whether oneDNN may use AVX-512: the CPU has it, and ONEDNN_MAX_CPU_ISA does not forbid it.
bool has_avx512();

}  // namespace quench::onednn
