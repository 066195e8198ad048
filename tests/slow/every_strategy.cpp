#include <doctest/doctest.h>
#include <fmt/format.h>

#include <array>
#include <map>

#include "experiments/experiment.h"
#include "experiments/run.h"
#include "experiments/small_experiment.h"
#include "quant/registry.h"
#include "support/text_table.h"
#include "train/evaluate.h"

// Every registered strategy trains a small network on ten classes of drawn shapes, at every supported
// width of 1, 2, 4 and 8 bits.

namespace quench::experiments {
namespace {

constexpr double kFloor = 40.0;  // percent; chance is 10

/// Signs need inputs around 0, as in BinaryNet; {0, 1} and more bits train after ReLUs.
std::string network_for(const std::string& method, int bits) {
  const bool signs = bits == 1 && method != "dorefa" && method != "pact";
  return signs ? "model = { name = \"binarynet\", width = 0.0625 }"
               : "model = { name = \"resnet8\", width = 0.25 }";
}

ExperimentConfig experiment(const std::string& network, const std::vector<std::string>& overrides) {
  const TemporaryFolder folder;
  write_text(folder / "small.toml", network + R"(
[data]
train_size = 3000
test_size = 500
horizontal_flip = false
mean = [127.5, 127.5, 127.5]
std = [64.0, 64.0, 64.0]
[quant]
first_layer = { activation = { method = "none" } }
last_layer = { method = "symmetric", bits = 8 }
ab = { act_grid = "auto", start = 0.0 }
noise = { quantize_from = 0.5 }
[calibration]
activations = "mse"
[optimizer]
name = "adam"
lr = 5e-3
[schedule]
name = "cosine"
[train]
epochs = 4
batch_size = 50
bn_batches = 10
)");
  return load_experiment(folder / "small.toml", overrides);
}

void train(Run& run, const RunFolder& folder) {
  run.train(folder, [] { return false; });
}

/// The float networks that quantized training starts from, each trained once.
class FloatNetworks {
 public:
  std::string checkpoint(const std::string& network) {
    const auto [entry, is_new] = runs_.try_emplace(network, std::to_string(runs_.size()));
    const std::filesystem::path path = parent_ / entry->second;
    if (is_new) {
      const RunFolder folder = RunFolder::create_at(path);
      Run run(experiment(network, {"quant.last_layer.method=none"}));
      train(run, folder);
    }
    return path / "last.safetensors";
  }

 private:
  TemporaryFolder parent_;
  std::map<std::string, std::string> runs_;
};

bool has_bits(const quant::StrategyInfo& info, int bits) {
  for (const quant::Role role : {quant::Role::weight, quant::Role::activation}) {
    const quant::BitRange range = info.bits(role);
    if (info.has(role) && (bits < range.min || bits > range.max)) return false;
  }
  return true;
}

/// Accuracy in percent of the network as it is evaluated in integers.
double trained_top1(FloatNetworks& networks, const std::string& method, int bits) {
  const TemporaryFolder parent;
  const RunFolder folder = RunFolder::create_at(parent / "run");
  const std::string network = network_for(method, bits);
  Run run(
      experiment(network, {"quant.method=" + method, fmt::format("quant.bits={}", bits),
                           fmt::format("train.init_from=\"{}\"", networks.checkpoint(network))}));
  train(run, folder);
  const auto images = evaluation_loader(run.config(), run.data().test);
  return train::evaluate(run.network(), *images, quant::Mode::evaluation).top1();
}

TEST_CASE("every strategy trains, at every width that it supports") {
  constexpr std::array kBits{1, 2, 4, 8};
  constexpr auto kRight = TextTable::Align::right;
  FloatNetworks networks;
  TextTable table(
      {{"method"}, {"1 bit", kRight}, {"2 bit", kRight}, {"4 bit", kRight}, {"8 bit", kRight}});
  for (const quant::StrategyInfo& info : quant::registered_quantizers()) {
    if (info.name == "none") continue;
    std::vector<std::string> row{info.name};
    for (const int bits : kBits) {
      if (!has_bits(info, bits)) {
        row.emplace_back("-");
        continue;
      }
      CAPTURE(info.name);
      CAPTURE(bits);
      const double top1 = trained_top1(networks, info.name, bits);
      CHECK(top1 > kFloor);
      row.push_back(fmt::format("{:.1f}", top1));
    }
    table.add(std::move(row));
  }
  fmt::print("\ntop1 % of 500 test images, integers; floor {} %, chance 10 %\n\n{}", kFloor,
             table.plain());
}

}  // namespace
}  // namespace quench::experiments
