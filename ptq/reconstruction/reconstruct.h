#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "layers/module.h"
#include "ptq/reconstruction/options.h"

namespace quench {

/// What became of a unit: the loss of its output on the calibration images, with each weight's nearest
/// code and with those that were chosen; of activation steps, before and after.
struct UnitReport {
  std::string unit;
  double nearest = 0.0;
  double chosen = 0.0;
  std::string note;  ///< why it has not what the method would have chosen; empty: it has
};

struct ReconstructionReport {
  std::string method;
  std::vector<UnitReport> units;
};

/// Where a reconstruction keeps what it has finished, so that one that was killed goes on with the next
/// unit, to the same bits.
class ReconstructionJournal {
 public:
  virtual ~ReconstructionJournal() = default;
  /// Puts the network into the state after the units that were finished before; none: it begins.
  virtual std::vector<UnitReport> restore(Module& network) = 0;
  virtual void keep(Module& network, const std::vector<UnitReport>& finished) = 0;
};

/// Chooses the codes of quantized weights, one unit after the other, so that each unit's output changes
/// least on calibration images, given what the units before it compute with their codes. No labels, and
/// nothing else of the network changes but, by "brecq" and "qdrop", the steps of activations. Each
/// weight becomes its code times the scale, in the float network underneath too, so that the nearest
/// code is the one chosen.
///
/// Weights must have their grids, and where steps are trained activations too (ptq/calibrate.h).
/// Activations are not quantized meanwhile, but by these two. Shows the units on progress_bar(), each
/// with its loss.
///
/// @param images   [N, C, H, W]
/// @param seed     of minibatches and dropped elements
/// @param journal  null: nothing is kept
/// @throws std::invalid_argument  if no weight is quantized, or one by a method whose scale follows
///                                from the weight, or a step is to be trained of one that has no free
///                                one; the message names it
ReconstructionReport reconstruct(Module& network, const ReconstructionOptions& options,
                                 const Tensor& images, std::uint64_t seed,
                                 ReconstructionJournal* journal = nullptr);

}  // namespace quench
