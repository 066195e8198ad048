#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "deploy/interpreter/interpreter.h"
#include "deploy/network/integer_network.h"
#include "layers/module.h"

namespace quench::deploy {

/// How often two computations of one value differ.
struct ValueMismatches {
  std::string reader;  ///< the slot that reads it; "output" for the logits
  std::int64_t compared = 0;
  std::int64_t different = 0;

  bool operator==(const ValueMismatches&) const = default;
};

/// Compares what an integer network computed of `images` with what `network`, from which it was
/// frozen, evaluates in training: codes with codes at every quantizer slot, and the logits bit for
/// bit.
/// @param values  of interpret() or Engine::values()
/// @return one entry per slot, in the order in which the network runs, the logits last
/// @throws std::invalid_argument  if a slot of the network is no reader of the integer network
std::vector<ValueMismatches> compare_with_evaluation(Module& network,
                                                     const IntegerNetwork& integers,
                                                     const Values& values, const Tensor& images);

/// Adds the counts of `more`, which is of the same networks.
void accumulate(std::vector<ValueMismatches>& sum, const std::vector<ValueMismatches>& more);

}  // namespace quench::deploy
