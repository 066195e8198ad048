#include "cli/parts/import_integers.h"

#include <fmt/format.h>

#include <filesystem>

#include "core/safetensors.h"
#include "datasets/cifar.h"
#include "deploy/import_cnv.h"
#include "deploy/network/model_file.h"
#include "deploy/network/packed_weights.h"
#include "experiments/config/config.h"
#include "experiments/config/config_file.h"
#include "experiments/runs/deployed.h"

namespace quench::command {
namespace {

constexpr const char* kCnv = "cnv_w1a1";

/// The float network that it would be, and the images it takes.
constexpr const char* kCnvExperiment = R"(
[model]
name = "cnv"
[data]
name = "cifar10"
normalize = "tf"
horizontal_flip = false
)";

}  // namespace

bool comes_as_integers(const std::string& model) { return model == kCnv; }

void import_integers(const std::string& file, const std::string& model,
                     const std::filesystem::path& output) {
  deploy::IntegerNetwork network = deploy::import_cnv(read_safetensors(file));
  train::describe_network(
      network, train::read_experiment(train::parse_settings(kCnvExperiment, model), model),
      datasets::cifar10_classes());
  deploy::write_model(output, network);
  fmt::print("{}: {:.1f} KiB of weights into {}, for eval, predict and bench\n", file,
             static_cast<double>(deploy::weight_bytes(network).packed) / 1024.0, output.string());
}

}  // namespace quench::command
