#pragma once

#include <cstdint>
#include <string>

#include "layers/module.h"

namespace quench::train {

// Consistency checks between ranks that train together (core/communicator.h). The calls are
// collective, and do nothing for a single process.

/// Returns on every rank the text of the first rank with a non-empty text, as "rank 1: TEXT"; "" if
/// all are empty. A single process gets its own text.
std::string first_text_of_ranks(std::string own);

/// @param run  everything that determines the run's results, as lines of text: its config, its
///             numbers of images
/// @throws std::invalid_argument  on all ranks, if one differs from rank 0, quoting the first
///                                different line
void require_same_run(const std::string& run);

/// @throws std::runtime_error  on all ranks, unless parameters, buffers and quantizer state are
///                             bit-identical on all, naming a tensor that differs
void require_same_network(layers::Module& network);

/// Whether `own` is true on any rank.
bool any_rank(bool own);

/// The results of one training step.
struct StepTotals {
  double loss_sum = 0.0;  ///< over the images
  std::int64_t correct = 0;
  std::int64_t images = 0;

  /// The sums over all ranks.
  StepTotals over_ranks() const;
};

}  // namespace quench::train
