#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/loader.h"
#include "deploy/engine/engine.h"
#include "deploy/interpreter/interpreter.h"
#include "deploy/network/integer_network.h"
#include "layers/module.h"

namespace quench::deploy {

/// The mismatches between two computations of one value.
struct ValueMismatches {
  std::string reader;  ///< the slot that reads it; "output" for the logits
  std::int64_t compared = 0;
  std::int64_t different = 0;

  bool operator==(const ValueMismatches&) const = default;
};

/// Compares an integer network's values for `images` with those of `network`, from which it was
/// frozen, in evaluation mode: the codes at every quantizer slot, and the logits bit by bit.
/// @param values  from interpret() or Engine::values()
/// @return one entry per slot in execution order, the logits last
/// @throws std::invalid_argument  if the integer network has no value for a slot
std::vector<ValueMismatches> compare_with_evaluation(layers::Module& network,
                                                     const IntegerNetwork& integers,
                                                     const Values& values, const Tensor& images);

/// How an integer network and evaluation in training compare over many images.
struct Verification {
  std::int64_t images = 0;
  /// One entry per quantizer slot, in the order in which the network runs, the logits last.
  std::vector<ValueMismatches> values;

  std::int64_t compared() const;   ///< integers and logits
  std::int64_t different() const;  ///< 0: the two compute the same
};

/// compare_with_evaluation() over one pass of `images`, computed by `engine`, whose integer network was
/// frozen from `network`.
/// @param batches  limit on the batches of `images`; 0 is no limit
/// @throws std::invalid_argument  as compare_with_evaluation()
Verification verify(layers::Module& network, Engine& engine, datasets::Loader& images,
                    std::int64_t batches = 0);

/// Adds the counts of `more` for the same networks.
void accumulate(std::vector<ValueMismatches>& sum, const std::vector<ValueMismatches>& more);

}  // namespace quench::deploy
