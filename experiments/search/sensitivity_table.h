#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "experiments/experiment.h"
#include "experiments/search/search_space.h"
#include "ptq/search/sensitivity.h"

namespace quench::experiments {

/// By layer and option.
using Sensitivities = std::map<std::pair<std::string, int>, double>;

/// How sensitivities are measured.
struct SensitivityOptions {
  ptq::SensitivityMeasure measure = ptq::SensitivityMeasure::kl;
  SearchedBits what = SearchedBits::weights;
  std::int64_t images = 512;  ///< of the training set, the first ones; >= 1
};

/// A table of sensitivities that a file keeps, whole after each value, for as long as nothing changes that
/// they depend on: the measure and its images, config, weights, version of quench.
class SensitivityFile {
 public:
  /// @param path        an absent or damaged file, or one that depends on something else, counts as empty
  /// @param depends_on  JSON text
  SensitivityFile(std::filesystem::path path, const std::string& depends_on);

  const Sensitivities& values() const { return values_; }
  /// Estimated traces of the Hessian by layer, which serve all options.
  const std::map<std::string, double>& traces() const { return traces_; }
  void keep(const std::string& layer, int option, double value);
  void keep_trace(const std::string& layer, const ptq::TraceEstimate& estimate);

 private:
  void write() const;

  std::filesystem::path path_;
  std::string depends_on_;
  Sensitivities values_;
  std::map<std::string, double> traces_;
};

/// The first images of the training set, or all if there are fewer, as evaluation sees them.
/// @throws std::invalid_argument  for no images
std::vector<datasets::Batch> search_images(const ExperimentConfig& config, const Data& data,
                                           std::int64_t count);

/// What SensitivityFile is given for a search.
/// @param config   text of the run's config.toml
/// @param network  with the trained weights
std::string dependencies(const SensitivityOptions& options, const std::string& config,
                         layers::Module& network, const std::vector<datasets::Batch>& images);

/// The sensitivity of every searched layer at every option of its group. Values in `file` are not measured
/// again; each new one is kept there at once. Ranges are chosen as [calibration] says for the network with
/// the option in all layers; weights are neither reconstructed nor biases corrected. Shows the values on
/// progress_bar().
/// @throws std::invalid_argument  for a value that is not finite, naming layer and bits
Sensitivities measure_sensitivities(const ExperimentConfig& config, const SearchSpace& space,
                                    const Data& data, const std::vector<datasets::Batch>& images,
                                    const SensitivityOptions& options, SensitivityFile& file);

}  // namespace quench::experiments
