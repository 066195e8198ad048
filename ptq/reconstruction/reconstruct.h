#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "layers/module.h"
#include "ptq/reconstruction/options.h"

namespace quench::ptq {

/// The result for a unit: the loss of its output on the calibration images, with nearest codes and
/// with chosen codes; for activation steps, before and after training.
struct UnitReport {
  std::string unit;
  double nearest = 0.0;
  double chosen = 0.0;
  std::string note;  ///< why the method's choice was not used; empty if it was
};

struct ReconstructionReport {
  std::string method;
  std::vector<UnitReport> units;
};

/// Saves finished units of a reconstruction, so that a killed run resumes with the next unit,
/// bit-exactly.
class ReconstructionJournal {
 public:
  virtual ~ReconstructionJournal() = default;
  /// Restores the network's state after the units that were finished before.
  virtual std::vector<UnitReport> restore(layers::Module& network) = 0;
  virtual void keep(layers::Module& network, const std::vector<UnitReport>& finished) = 0;
};

/// Chooses the codes of quantized weights, unit by unit, so that each unit's output changes least
/// on calibration images, given the outputs of the units already quantized. Needs no labels. Only
/// weights change, and with "brecq" and "qdrop" the steps of activations. Each weight becomes its
/// code times the scale, in the float network too, so that the nearest code is the chosen one.
///
/// Weights must have their grids, and activations too if their steps are trained (ptq/calibrate.h).
/// Only these two methods quantize activations meanwhile. Shows the units on progress_bar(), each
/// with its loss.
///
/// @param images   [N, C, H, W]
/// @param seed     for minibatches and dropped elements
/// @param journal  null: nothing is saved
/// @throws std::invalid_argument  if no weight is quantized, if a weight's scale depends on the
///                                weight, or if a step to be trained is not free; the message names
///                                the slot
ReconstructionReport reconstruct(layers::Module& network, const ReconstructionOptions& options,
                                 const Tensor& images, std::uint64_t seed,
                                 ReconstructionJournal* journal = nullptr);

/// What reconstruct() refuses for its quantizers and layers, before anything is calibrated.
/// @param copy  of the network: its quantizers get other grids
/// @throws std::invalid_argument  as reconstruct()
void require_reconstructible(layers::Module& copy, const ReconstructionOptions& options);

}  // namespace quench::ptq
