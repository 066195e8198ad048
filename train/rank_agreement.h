#pragma once

#include <cstdint>
#include <string>

#include "layers/module.h"

namespace quench::train {

// What ranks that train together make sure of (core/communicator.h). The calls are collective, and of no
// effect for one process alone.

/// On every rank what the first one has to say that has anything, as "rank 1: TEXT"; "" if none has. Of
/// one process alone its own text.
std::string first_text_of_ranks(std::string own);

/// @param run  all that decides what a run computes, in lines of text: its config, its numbers of images
/// @throws std::invalid_argument  on all ranks, if one has another than rank 0, quoting the first line
///                                that differs
void require_same_run(const std::string& run);

/// @throws std::runtime_error  on all ranks, if parameters, buffers and the state of quantizers are not
///                             the same bits on all of them, naming a tensor that is not
void require_same_network(Module& network);

/// Whether `own` is true on any of them.
bool any_rank(bool own);

/// What is told of one training step.
struct StepTotals {
  double loss_sum = 0.0;  ///< over the images
  std::int64_t correct = 0;
  std::int64_t images = 0;

  /// Those of all ranks.
  StepTotals over_ranks() const;
};

}  // namespace quench::train
