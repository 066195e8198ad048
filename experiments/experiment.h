#pragma once

#include <filesystem>
#include <memory>

#include "datasets/loader.h"
#include "experiments/config/config.h"
#include "layers/module.h"

namespace quench::experiments {

/// The images of an experiment, split according to its config.
struct Data {
  std::shared_ptr<const datasets::Dataset> train;
  std::shared_ptr<const datasets::Dataset> validation;  ///< held out from training; may be null
  std::shared_ptr<const datasets::Dataset> test;

  /// The images to evaluate on during the run: the held-out images if any, else the test set.
  const std::shared_ptr<const datasets::Dataset>& evaluation() const {
    return validation ? validation : test;
  }
};

/// @throws std::invalid_argument  for an unknown data set or a split that leaves no training image
/// @throws std::runtime_error     for missing or damaged files
Data load_data(const ExperimentConfig& config);

/// The numbers of images: "50000 for training, 10000 to judge by".
std::string count_images(const Data& data);

/// The format of the images of load_data(), without reading a file.
/// @throws std::invalid_argument  for an unknown data set
datasets::DatasetFormat data_format(const ExperimentConfig& config);

/// The shape of its images; no file needs to exist.
datasets::ImageShape image_shape(const ExperimentConfig& config);

/// The conversion of pixels to inputs in evaluation.
datasets::Transform evaluation_transform(const ExperimentConfig& config);

/// Loaders over `images`: shuffled and augmented for training, unchanged for evaluation and
/// calibration. If several ranks train together (core/communicator.h), each gets its part: its own
/// batch in training and evaluation, a share of each batch in calibration.
std::unique_ptr<datasets::Loader> training_loader(const ExperimentConfig& config,
                                                  std::shared_ptr<const datasets::Dataset> images);
std::unique_ptr<datasets::Loader> evaluation_loader(
    const ExperimentConfig& config, std::shared_ptr<const datasets::Dataset> images);

std::unique_ptr<datasets::Loader> calibration_loader(
    const ExperimentConfig& config, const ptq::CalibrationOptions& calibration,
    std::shared_ptr<const datasets::Dataset> images);

/// Whether the network has trained weights, all from an ONNX file, including its last layer's.
bool has_trained_weights(const ModelConfig& model);

/// The network of [model] with the quantizers of [quant], initialized from the seed or with the
/// weights of its ONNX file.
/// @throws std::invalid_argument  for unknown names or settings
/// @throws std::runtime_error     as read_onnx() and make_onnx_network()
std::unique_ptr<layers::Module> build_network(const ExperimentConfig& config,
                                              const datasets::DatasetFormat& data);
/// Likewise, for uses that only need names, shapes and quantizers: the weights of an ONNX file,
/// which may be large, are not read and are undefined.
std::unique_ptr<layers::Module> build_network_without_weights(const ExperimentConfig& config,
                                                              const datasets::DatasetFormat& data);

}  // namespace quench::experiments
