#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "experiments/experiment.h"
#include "experiments/report/confusion.h"
#include "experiments/report/slot_statistics.h"
#include "layers/graph.h"
#include "ptq/sqnr.h"
#include "train/network_cost.h"

namespace quench::train::report {

/// One layer with a weight, or a sum or pool that quantizes.
struct LayerMeasurement {
  LayerTrace trace;
  std::string bits;           ///< "4 x 8"; empty without a weight
  double weight_bytes = 0.0;  ///< at its bits
  std::optional<SlotSummary> weight;
  std::vector<SlotSummary> inputs;  ///< none where there are no images
  std::optional<LayerSqnr> sqnr;    ///< of a quantized network, where there are images
};

/// An image that the network got wrong.
struct WrongImage {
  Mistake mistake;
  std::string address;  ///< of its pixels, see image_address()
};

/// What a network and its images tell, beyond the files of its run.
struct Measurements {
  std::vector<std::string> classes;
  NetworkCost cost;
  std::vector<LayerMeasurement> layers;
  std::string bits;  ///< weight x activation of most multiply-accumulates
  std::int64_t training_images = 0;
  std::int64_t noise_images = 0;  ///< that activations and SQNR are measured on
  std::int64_t shown_images = 0;  ///< that the confusion matrix counts
  std::int64_t evaluation_images =
      0;                  ///< that accuracy is measured on; the others are a part of them
  bool held_out = false;  ///< whether these are held-out images, not the test set
  std::optional<ConfusionMatrix> confusion;
  std::vector<WrongImage> wrong;
  std::vector<int> labels;  ///< of the images shown, in order
  std::vector<bool> right;  ///< whether each was taken for its class
};

/// Measures a trained network. Its modes and values stay; evaluation grids of weights are derived
/// anew, as every evaluation does.
/// @param data    null: what needs no image
/// @param images  how many to show for the confusion matrix; 0: up to 10000, as many as can be
///                shown in some seconds
Measurements measure(Module& network, const ExperimentConfig& config,
                     const std::vector<std::string>& classes, const Data* data,
                     std::int64_t images = 0);

}  // namespace quench::train::report
