#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ptq/reconstruction/reconstruct.h"

namespace quench::experiments {

/// Stores the finished units of a reconstruction in a file after each unit: the network's state,
/// and the report of each unit. The file is always complete.
class FileJournal final : public ptq::ReconstructionJournal {
 public:
  /// @param model  the model's name, stored in the file
  FileJournal(std::filesystem::path file, std::string model);

  /// @throws std::runtime_error  for a damaged file, or one of another network
  std::vector<ptq::UnitReport> restore(layers::Module& network) override;
  void keep(layers::Module& network, const std::vector<ptq::UnitReport>& finished) override;

 private:
  std::filesystem::path file_;
  std::string model_;
};

}  // namespace quench::experiments
