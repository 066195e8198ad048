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

namespace quench::experiments {

/// The first difference between the integer engine and evaluation, in execution order.
struct IntegerMismatch {
  std::string layer;   ///< the layer whose output differs
  std::string reader;  ///< the slot that reads it; "output" for the logits
  std::int64_t compared = 0;
  std::int64_t different = 0;

  /// "the integer engine and evaluation differ, first between conv3 and conv4 (...)".
  std::string text() const;
};

/// Compares the outputs of `engine` for the first `batches` batches of `images` with evaluation of
/// `network`, from which it was frozen; nothing if all codes and logits have the same bits.
std::optional<IntegerMismatch> first_mismatch(layers::Module& network, deploy::Engine& engine,
                                              datasets::Loader& images, std::int64_t batches);

/// Freezes the network in memory, as `quench deploy` would after this epoch, and compares the two
/// on the first train.verify_batches batches of `images`. If evaluation re-estimates batch norm on
/// `training`, so does this; it then restores the statistics, so the run's bits are not affected.
/// @throws std::invalid_argument  for a network that deploy::freeze() rejects
std::optional<IntegerMismatch> check_integers(layers::Module& network, datasets::Loader& images,
                                              datasets::Loader& training,
                                              const ExperimentConfig& config);

/// Whether train.verify_every requires a check after `epoch`, from 1: every n-th, and after the
/// last.
bool verifies_after(std::int64_t epoch, const TrainConfig& config);

/// Rejects a run that could not be verified, before its first step: runs a copy of its network on a
/// few images, so that every quantizer has a grid, and freezes it. `network` does not change.
/// @param begin_training  notifies a network's quantizers of the run, as was done for the run's own
/// @throws std::invalid_argument  naming the slot or module without an integer form, and why
void require_integer_form(layers::Module& network, const ExperimentConfig& config, const Data& data,
                          const std::function<void(layers::Module&)>& begin_training);

}  // namespace quench::experiments
