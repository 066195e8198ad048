#pragma once

#include "train/evaluate.h"

namespace quench::train {

/// The two curves of alpha-blending's figure 4 (Liu & Mattina 2019), for any method.
struct Judgement {
  Accuracy quantized;  ///< on the integer grids; equal to `floating` if nothing is quantized
  Accuracy floating;   ///< of the float network underneath, every quantizer bypassed
};

/// What becomes of running batch-norm statistics that did not fit the quantized network.
enum class StaleStatistics : bool { restore, replace };

/// Evaluates a network as it is and with its quantizers bypassed, on all of `images`. Where batch
/// statistics of training do not fit, they are re-estimated first on `bn_batches` batches of
/// `training` (0: never): always for the float network, from which they are put back, and for the
/// quantized one if a quantizer says so (Quantizer::stale_batch_norm). Both get their `loss`, if there
/// is one.
Judgement judge(Module& network, datasets::Loader& images, datasets::Loader& training,
                std::int64_t bn_batches, StaleStatistics stale, const Loss& loss = {});

/// How many images judge() shows the network, all passes together, and counts on progress_bar().
std::int64_t images_to_judge(Module& network, const datasets::Loader& images,
                             const datasets::Loader& training, std::int64_t bn_batches);

/// What judge() does to a quantized network before it evaluates: re-estimates running batch-norm
/// statistics, where a quantizer says that those of training do not fit.
void replace_stale_statistics(Module& network, datasets::Loader& training, std::int64_t bn_batches);
/// Whether one says so.
bool has_stale_batch_norm(Module& network);

}  // namespace quench::train
