#include "experiments/reconstruction_journal.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/safetensors.h"
#include "support/error.h"
#include "train/network_state.h"

namespace quench::experiments {
namespace {

constexpr const char* kUnits = "units";  // in the metadata

std::string units_text(const std::vector<ptq::UnitReport>& units) {
  nlohmann::json rows = nlohmann::json::array();
  for (const ptq::UnitReport& unit : units)
    rows.push_back({unit.unit, unit.nearest, unit.chosen, unit.note});
  return rows.dump();
}

/// Reads a loss; null, JSON's form of NaN, becomes NaN.
double loss_of(const nlohmann::json& value) {
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

std::vector<ptq::UnitReport> read_units(const std::string& text) {
  std::vector<ptq::UnitReport> units;
  for (const nlohmann::json& row : nlohmann::json::parse(text))
    units.push_back({row.at(0), loss_of(row.at(1)), loss_of(row.at(2)), row.at(3)});
  return units;
}

}  // namespace

FileJournal::FileJournal(std::filesystem::path file, std::string model)
    : file_(std::move(file)), model_(std::move(model)) {}

std::vector<ptq::UnitReport> FileJournal::restore(layers::Module& network) {
  if (!std::filesystem::exists(file_)) return {};
  const TensorFile kept = read_safetensors(file_);
  train::load_network(network, model_, kept, file_);
  try {
    return read_units(kept.metadata.at(kUnits));
  } catch (const std::exception&) {
    fail("{}: expected the units of a reconstruction, got another file", file_.string());
  }
}

void FileJournal::keep(layers::Module& network, const std::vector<ptq::UnitReport>& finished) {
  TensorFile file = train::network_state(network, model_);
  file.metadata[kUnits] = units_text(finished);
  write_safetensors(file_, file);
}

}  // namespace quench::experiments
