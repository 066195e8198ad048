#pragma once

#include <deque>
#include <filesystem>
#include <string>
#include <vector>

#include "layers/models/source_names.h"

namespace quench::train {

/// A user's map from the names of a network's parts here to those in a file of weights: lines of
/// two names, as models::Rename has them. "#" begins a comment.
///
///   conv{n}      features.{n-1}    # conv1.weight is features.0.weight there
///   fc.bias      head.b            # also of one tensor
class NameMap {
 public:
  /// @throws std::runtime_error  for a file that cannot be read, naming the line that is wrong
  explicit NameMap(const std::filesystem::path& path);
  NameMap(const NameMap&) = delete;  // the renames point into words_
  NameMap& operator=(const NameMap&) = delete;

  /// Valid as long as the map.
  models::SourceNames names() const { return {.source = source_.c_str(), .renames = renames_}; }

 private:
  std::string source_;
  std::deque<std::string> words_;  // what the renames point to
  std::vector<models::Rename> renames_;
};

}  // namespace quench::train
