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

namespace quench::experiments::report {

/// One layer with a weight, or a sum or pool that quantizes.
struct LayerMeasurement {
  layers::LayerTrace trace;
  std::string bits;           ///< "4 x 8"; empty without a weight
  double weight_bytes = 0.0;  ///< at its quantizer's bits
  std::optional<SlotSummary> weight;
  std::vector<SlotSummary> inputs;     ///< empty without images
  std::optional<ptq::LayerSqnr> sqnr;  ///< for a quantized network, if there are images
};

/// A misclassified image.
struct WrongImage {
  Mistake mistake;
  std::string address;  ///< data URL of its pixels, see image_address()
};

/// Measurements of a network and its images, beyond the files of its run.
struct Measurements {
  std::vector<std::string> classes;
  train::NetworkCost cost;
  std::vector<LayerMeasurement> layers;
  std::string bits;  ///< weight x activation of most multiply-accumulates
  std::int64_t training_images = 0;
  std::int64_t noise_images = 0;  ///< images for activations and SQNR
  std::int64_t shown_images = 0;  ///< images in the confusion matrix
  std::int64_t evaluation_images =
      0;                  ///< that accuracy is measured on; the others are a part of them
  bool held_out = false;  ///< whether these are held-out images rather than the test set
  std::optional<ConfusionMatrix> confusion;
  std::vector<WrongImage> wrong;
  std::vector<int> labels;  ///< of the images shown, in order
  std::vector<bool> right;  ///< whether each was classified correctly
};

/// Measures a trained network. Its modes and values do not change; evaluation grids of weights are
/// computed again, as in every evaluation.
/// @param data    null: only measure what needs no images
/// @param images  number of images for the confusion matrix; 0: as many as take a few seconds, at
///                most 10000
Measurements measure(layers::Module& network, const ExperimentConfig& config,
                     const std::vector<std::string>& classes, const Data* data,
                     std::int64_t images = 0);

}  // namespace quench::experiments::report
