#pragma once

#include <string>
#include <utility>
#include <vector>

#include "train/small_experiment.h"
#include "train/trainer.h"

namespace quench::train {

using Overrides = std::vector<std::string>;

inline Overrides with(Overrides overrides, std::string more) {
  overrides.push_back(std::move(more));
  return overrides;
}

/// The checkpoint of a small run in one go, or with a new Trainer after step `stop`.
inline std::string checkpoint_of(const Overrides& overrides, std::int64_t stop = 0) {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  std::int64_t step = 0;
  const auto run = [&] {
    return Trainer(small_experiment(overrides), folder).run(folder, [&] { return ++step == stop; });
  };
  if (run().interrupted) run();
  return read_bytes(folder.last());
}

}  // namespace quench::train
