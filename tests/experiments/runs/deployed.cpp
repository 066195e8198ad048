#include "experiments/runs/deployed.h"

#include <doctest/doctest.h>

#include "core/parallel.h"
#include "experiments/config/config_file.h"
#include "experiments/runs/versions.h"

using namespace quench;
using namespace quench::experiments;
using deploy::IntegerNetwork;

namespace {

constexpr const char* kConfig =
    "[model]\nname = \"binarynet\"\n[data]\nname = \"synthetic\"\nmean = [1.0, 2.0, 3.0]\n"
    "std = [4.0, 5.0, 6.0]\n";

ExperimentConfig config() { return read_experiment(parse_settings(kConfig, "a.toml"), "a"); }

/// A network with only the parts that metadata describe.
IntegerNetwork network(std::int64_t classes, std::int64_t side) {
  IntegerNetwork network{.channels = 3, .height = side, .width = side};
  network.values = {{classes, 1, 1, std::nullopt, {}}};
  return network;
}

std::string error_of(const IntegerNetwork& network) {
  try {
    experiment_of(network, "m.qnc");
    class_names_of(network, "m.qnc");
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("deployed: a network describes its training data") {
  IntegerNetwork frozen = network(2, 32);
  describe_network(frozen, config(), {"cat", "dog"});
  CHECK(frozen.metadata["model"] == "binarynet");
  CHECK(versions_from_text(frozen.metadata["versions"]).threads == num_threads());
  const ExperimentConfig read = experiment_of(frozen, "folder/m.qnc", {"data.dir=elsewhere"});
  CHECK(read.name == "m");
  CHECK(read.data.std == std::vector<double>{4.0, 5.0, 6.0});
  CHECK(read.data.dir == "elsewhere");
  CHECK(class_names_of(frozen, "m.qnc") == std::vector<std::string>{"cat", "dog"});
  CHECK_THROWS_AS(describe_network(frozen, config(), {"cat"}), std::invalid_argument);
}

TEST_CASE("deployed: metadata that do not fit the network") {
  CHECK(error_of(network(2, 32)) ==
        "m.qnc: the model has no config entry; expected one from quench deploy");
  IntegerNetwork frozen = network(2, 32);
  describe_network(frozen, config(), {"cat", "dog"});
  frozen.metadata["classes"] = "cat\n";
  CHECK(error_of(frozen) == "m.qnc: expected 2 class names, got 1");
  frozen.height = 16;
  CHECK(error_of(frozen) ==
        "m.qnc: the network expects images of 3x16x32, but its config produces 3x32x32");
  frozen.metadata["config"] = "extends = \"/etc/passwd\"\n" + frozen.metadata["config"];
  CHECK(error_of(frozen).find("extends") != std::string::npos);
  frozen.metadata["config"] = "[model\n";
  CHECK(error_of(frozen).starts_with("m.qnc:1:"));
}
