#pragma once

#include <filesystem>
#include <memory>

#include "datasets/loader.h"
#include "experiments/config/config.h"
#include "layers/module.h"

namespace quench::train {

/// The images of an experiment, split as its config says.
struct Data {
  std::shared_ptr<const datasets::Dataset> train;
  std::shared_ptr<const datasets::Dataset> validation;  ///< held out from training; null if none
  std::shared_ptr<const datasets::Dataset> test;

  /// What a run is evaluated on while it goes: the held-out images if any, else the test set.
  const std::shared_ptr<const datasets::Dataset>& evaluation() const {
    return validation ? validation : test;
  }
};

/// @throws std::invalid_argument  for an unknown data set or a split that leaves no training image
/// @throws std::runtime_error     for missing or damaged files
Data load_data(const ExperimentConfig& config);

/// "50000 for training, 10000 to judge by": how many images there are.
std::string count_images(const Data& data);

/// What load_data() would give images of, without reading a file.
/// @throws std::invalid_argument  for an unknown data set
datasets::DatasetFormat data_format(const ExperimentConfig& config);

/// The shape of its images, for which no file has to be there.
datasets::ImageShape image_shape(const ExperimentConfig& config);

/// How evaluation turns pixels into inputs.
datasets::Transform evaluation_transform(const ExperimentConfig& config);

/// Loaders over `images`: shuffled and augmented for training, as they are for evaluation and
/// calibration. Where several ranks train together (core/communicator.h) each gets its part: in
/// training and evaluation a batch of its own, of calibration's batches a share.
std::unique_ptr<datasets::Loader> training_loader(const ExperimentConfig& config,
                                                  std::shared_ptr<const datasets::Dataset> images);
std::unique_ptr<datasets::Loader> evaluation_loader(
    const ExperimentConfig& config, std::shared_ptr<const datasets::Dataset> images);

std::unique_ptr<datasets::Loader> calibration_loader(
    const ExperimentConfig& config, const CalibrationOptions& calibration,
    std::shared_ptr<const datasets::Dataset> images);

/// Whether the network comes with weights that were trained: those of an ONNX file, its last layer's too.
bool has_trained_weights(const ModelConfig& model);

/// The network of [model] with the quantizers of [quant], freshly initialized from the seed, or with the
/// weights of its ONNX file.
/// @throws std::invalid_argument  for unknown names or settings
/// @throws std::runtime_error     as read_onnx() and make_onnx_network()
std::unique_ptr<Module> build_network(const ExperimentConfig& config,
                                      const datasets::DatasetFormat& data);
/// The same for what asks for names, shapes and quantizers alone: weights of an ONNX file, which may be
/// large, are not read and hold anything.
std::unique_ptr<Module> build_network_without_weights(const ExperimentConfig& config,
                                                      const datasets::DatasetFormat& data);

}  // namespace quench::train
