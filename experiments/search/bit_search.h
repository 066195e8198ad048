#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "experiments/runs/run_folder.h"
#include "experiments/search/budget.h"
#include "experiments/search/latency.h"
#include "experiments/search/search_space.h"
#include "experiments/search/sensitivity_table.h"
#include "train/evaluate.h"

namespace quench::experiments {

/// The request for a search.
struct SearchOptions {
  Budget budget;
  std::vector<int> options{2, 3, 4, 8};
  SensitivityOptions sensitivity;
  std::filesystem::path latency_table;  ///< empty: latency is measured, if the budget is one
  bool verify = false;    ///< evaluate the chosen network, and the largest uniform one that fits
  int verify_points = 0;  ///< how many of the front, and the uniform networks
};

/// A network that was evaluated, after [calibration] with all of its steps.
struct VerifiedPoint {
  double top1 = 0.0;  ///< percent of the images that a run is judged by
  double loss = 0.0;  ///< cross-entropy on them
  /// What the sum of sensitivities predicts, of the whole network on the images of the search; of kl and
  /// loss.
  std::optional<double> sensitivity;
  bool dominated = false;  ///< another verified network costs no more and has a higher top1
};

/// One network of the space.
struct SearchPoint {
  SearchSpace::Choice choice;
  double sensitivity = 0.0;  ///< predicted: the sum over layers
  double bytes = 0.0;        ///< of weights and scales
  double bops = 0.0;
  double mean_bits = 0.0;  ///< of weights
  std::optional<double> milliseconds;
  std::optional<VerifiedPoint> verified;

  /// In the unit of Budget::value.
  double cost(CostKind kind) const;
};

struct SearchResult {
  SearchSpace space;
  Sensitivities sensitivities;
  Budget budget;
  double limit = 0.0;  ///< in the unit of Budget::value
  SearchPoint chosen;
  std::vector<SearchPoint> front;                    ///< by rising cost
  std::vector<std::pair<int, SearchPoint>> uniform;  ///< by bits, of those that all layers have
  std::optional<train::Accuracy> floating;           ///< if anything was verified
  std::int64_t images = 0;                           ///< that sensitivities were measured on
};

/// A search of the bits for the layers of a trained network, ready to run.
class BitSearch {
 public:
  /// Finds what there is to choose and checks that the budget can be met; a budget of latency without a
  /// table is measured here. Nothing is written.
  /// @param data  outlives this
  /// @throws std::invalid_argument  for a network that starts from no trained weights or comes with
  ///                                quantizers of its own, a budget below the least cost, naming it, and as
  ///                                search_space(), set_latency() and measure_latency()
  BitSearch(ExperimentConfig config, const Data& data, SearchOptions options);

  /// Measures sensitivities, selects by ptq::select_options() and verifies. Writes sensitivity.json,
  /// latency.csv, chosen.toml and front.csv into `folder`, and takes up a sensitivity.json that is there.
  /// @param folder  with its config.toml
  /// @throws std::invalid_argument  as measure_sensitivities()
  SearchResult run(const RunFolder& folder);

 private:
  CostKind kind() const { return options_.budget.kind; }
  void take_latency();
  void require_feasible() const;
  SearchPoint point(SearchSpace::Choice choice) const;
  void select();
  void write_chosen(const std::filesystem::path& folder) const;
  std::vector<SearchPoint*> points_to_verify();
  void verify();
  void verify(SearchPoint& point, const ptq::SensitivityProbe& probe,
              datasets::Loader& evaluation) const;
  void write_front(const std::filesystem::path& file) const;

  ExperimentConfig config_;
  const Data& data_;
  SearchOptions options_;
  std::unique_ptr<layers::Module> network_;
  std::vector<datasets::Batch> images_;
  std::optional<LatencyTable> measured_;  ///< latency of this machine
  double limit_ = 0.0;                    ///< in the unit of SearchSpace::option_groups()
  SearchResult result_;
};

/// The names that it gives its files.
inline constexpr const char* kSearchFile = "search.json";  ///< written by the command
inline constexpr const char* kChosenConfig = "chosen.toml";
inline constexpr const char* kFrontFile = "front.csv";
inline constexpr const char* kSensitivityFile = "sensitivity.json";
inline constexpr const char* kLatencyFile = "latency.csv";

/// At most `count` points of a front, spread evenly in cost, with its first and last.
std::vector<std::size_t> spread_evenly(const std::vector<SearchPoint>& front, CostKind kind,
                                       std::size_t count);

}  // namespace quench::experiments
