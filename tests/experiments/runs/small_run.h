#pragma once

#include <string>
#include <utility>
#include <vector>

#include "experiments/run.h"
#include "experiments/small_experiment.h"

namespace quench::experiments {

using Overrides = std::vector<std::string>;

inline Overrides with(Overrides overrides, std::string more) {
  overrides.push_back(std::move(more));
  return overrides;
}

/// The checkpoint of a run of `experiment` in one go, or with a new Run after step `stop`.
template <typename MakeExperiment>
std::string checkpoint_of_run(const MakeExperiment& experiment, std::int64_t stop) {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  std::int64_t step = 0;
  const auto run = [&] {
    return Run(experiment(), folder).train(folder, [&] { return ++step == stop; });
  };
  if (run().interrupted) run();
  return read_bytes(folder.last());
}

/// For a small run.
inline std::string checkpoint_of(const Overrides& overrides, std::int64_t stop = 0) {
  return checkpoint_of_run([&] { return small_experiment(overrides); }, stop);
}

}  // namespace quench::experiments
