#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ptq/reconstruction/reconstruct.h"

namespace quench::train {

/// Keeps the units that a reconstruction has finished in a file, whole after each: the network's state,
/// and what became of each unit.
class FileJournal final : public ReconstructionJournal {
 public:
  /// @param model  that the file says it holds
  FileJournal(std::filesystem::path file, std::string model);

  /// @throws std::runtime_error  for a damaged file, or one of another network
  std::vector<UnitReport> restore(Module& network) override;
  void keep(Module& network, const std::vector<UnitReport>& finished) override;

 private:
  std::filesystem::path file_;
  std::string model_;
};

}  // namespace quench::train
