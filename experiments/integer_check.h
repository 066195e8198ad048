#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "datasets/loader.h"
#include "deploy/engine/engine.h"
#include "experiments/config/config.h"
#include "experiments/experiment.h"
#include "layers/module.h"

namespace quench::train {

/// Where the integer engine and evaluation differ first, in the order in which the network runs.
struct IntegerMismatch {
  std::string layer;   ///< whose result differs
  std::string reader;  ///< the slot that reads it; "output" for the logits
  std::int64_t compared = 0;
  std::int64_t different = 0;

  /// "the integer engine and evaluation differ, first in what conv3 gives to conv4 (...)".
  std::string text() const;
};

/// Compares what `engine` computes of the first `batches` batches of `images` with what `network`,
/// of which it was frozen, evaluates; nothing if all codes and logits are the same bits.
std::optional<IntegerMismatch> first_mismatch(Module& network, deploy::Engine& engine,
                                              datasets::Loader& images, std::int64_t batches);

/// Freezes the network in memory, as `quench deploy` would after this epoch, and compares the two on
/// the first train.verify_batches batches of `images`. Where evaluation re-estimates batch norm,
/// on `training`, so does this, and puts it back: the run goes on with the bits it would have without.
/// @throws std::invalid_argument  for a network that deploy::freeze() refuses
std::optional<IntegerMismatch> check_integers(Module& network, datasets::Loader& images,
                                              datasets::Loader& training,
                                              const ExperimentConfig& config);

/// Whether train.verify_every asks for it after `epoch`, from 1: every so many, and after the last.
bool verifies_after(std::int64_t epoch, const TrainConfig& config);

/// Refuses, before its first step, a run that could not be verified: a copy of its network is shown
/// a few images, so that every quantizer has a grid, and frozen for a try. `network` stays as it is.
/// @param begin_training  tells a network's quantizers of the run, as the run's own were told
/// @throws std::invalid_argument  naming the slot or module that has no integers, and why
void require_integer_form(Module& network, const ExperimentConfig& config, const Data& data,
                          const std::function<void(Module&)>& begin_training);

}  // namespace quench::train
