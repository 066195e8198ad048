#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <stdexcept>

#include "core/safetensors.h"
#include "experiments/post_training.h"
#include "experiments/search/bit_search.h"
#include "experiments/search/latency.h"
#include "experiments/small_experiment.h"
#include "layers/quantized_layer.h"
#include "train/network_state.h"

namespace quench::experiments {
namespace {

using Overrides = std::vector<std::string>;

const Overrides kResNet{"model={name=\"resnet8\", width=0.25}", "quant.method=symmetric",
                        "quant.granularity=per_channel",
                        "quant.first_layer={bits=8, activation={method=\"symmetric\"}}",
                        "quant.last_layer={bits=8}"};

ExperimentConfig resnet(const Overrides& more = {}) {
  Overrides overrides = kResNet;
  overrides.insert(overrides.end(), more.begin(), more.end());
  return small_experiment(overrides);
}

SearchSpace space_of(const ExperimentConfig& config, const std::vector<int>& options,
                     SearchedBits what = SearchedBits::weights) {
  const auto network = build_network(config, data_format(config));
  return search_space(config, *network, {1, 3, 32, 32}, options, what);
}

const SearchLayer& layer_of(const SearchSpace& space, const std::string& name) {
  return *std::ranges::find(space.layers, name, &SearchLayer::name);
}

TEST_CASE("parse_budget: each form in its base unit") {
  const auto value = [](const char* text) { return parse_budget(text).value; };
  CHECK(value("size=250KiB") == 250.0 * 1024.0);
  CHECK(value("size=1.5MB") == 1.5e6);
  CHECK(value("size=12B") == 12.0);
  CHECK(value("bops=1.2G") == 1.2e9);
  CHECK(value("bops=1e9") == 1e9);
  CHECK(value("latency=3.5ms") == 3.5);
  CHECK(value("latency=250us") == 0.25);
  CHECK(value("latency=2s") == 2000.0);
  CHECK(value("mean_bits=4") == 4.0);
  CHECK(parse_budget("latency=uniform:4").uniform == 4);
  CHECK(parse_budget("latency=uniform:4").kind == CostKind::latency);
  for (const char* text : {"", "size", "size=", "size=250", "size=250kib", "size=-1KiB", "size=0B",
                           "size=nanB", "size=infB", "bops=1.2g", "latency=3", "mean_bits=4 ",
                           "power=3", "size=uniform:", "size=uniform:4x", "size=1e999B"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_budget(text), std::invalid_argument);
  }
  CHECK_THROWS_WITH_AS(
      parse_budget("size=250"),
      (std::string("--budget: expected ") + kBudgetForms + ", got 'size=250'").c_str(),
      std::invalid_argument);
}

TEST_CASE("search_space: layers that a rule gives bits of their own are fixed and count") {
  const SearchSpace space = space_of(resnet(), {2, 4, 8});
  CHECK_FALSE(layer_of(space, "conv1").searched());
  CHECK_FALSE(layer_of(space, "fc").searched());
  CHECK(layer_of(space, "conv1").fixed == ptq::LayerBits{8, 8});
  const SearchLayer& searched = layer_of(space, "stack1.conv1");
  CHECK(searched.at == std::map<int, ptq::LayerBits>{{2, {2, 8}}, {4, {4, 8}}, {8, {8, 8}}});
  CHECK(space.groups.size() == 6);  // conv1, two of stack1, stack2, stack3, fc

  // resnet8 at width 1/4: 4, 8 and 16 channels, every weight with a scale per channel.
  const double weights4 =
      4 * 4 * 9 * 2 + (4 * 8 * 9 + 8 * 8 * 9 + 4 * 8) + (8 * 16 * 9 + 16 * 16 * 9 + 8 * 16);
  const double fixed = 3 * 4 * 9 + 16 * 10, scales = 4 + 2 * 4 + 3 * 8 + 3 * 16 + 10;
  const auto uniform = space.uniform(4).value();
  CHECK(space.cost(CostKind::size, uniform) == 4 * weights4 + 8 * fixed + 32 * scales);
  CHECK(space.limit(parse_budget("size=uniform:4")) == 4 * weights4 + 8 * fixed + 32 * scales);
  CHECK(space.limit(parse_budget("mean_bits=4")) == 4 * (weights4 + fixed));
  CHECK(space.in_units(CostKind::mean_bits, space.cost(CostKind::mean_bits, uniform)) ==
        doctest::Approx((4 * weights4 + 8 * fixed) / (weights4 + fixed)));
  double bops = 0.0;
  for (const SearchLayer& layer : space.layers)
    bops += static_cast<double>(layer.macs) * (layer.searched() ? 4 : 8) * 8;
  CHECK(space.cost(CostKind::bops, uniform) == bops);
}

TEST_CASE("search_space: bits of inputs, or of both, follow [quant.activation]") {
  const SearchSpace inputs = space_of(resnet(), {4, 8}, SearchedBits::inputs);
  CHECK(layer_of(inputs, "stack1.conv1").at.at(4) == ptq::LayerBits{8, 4});
  const SearchSpace both =
      space_of(resnet({"quant.override=[{match=\"stack1.conv2\", activation={bits=8}}]"}), {4, 8},
               SearchedBits::both);
  CHECK(layer_of(both, "stack1.conv2").at.at(4) == ptq::LayerBits{4, 8});
  CHECK(layer_of(both, "stack1.conv1").at.at(4) == ptq::LayerBits{4, 4});
}

TEST_CASE("search_space: options that a method lacks are left out for the layer and its group") {
  const Overrides twn{"quant.override=[{match=\"stack2.shortcut\", weight={method=\"twn\"}}]",
                      "quant.weight.bits=2"};
  const SearchSpace space = space_of(resnet(twn), {2, 4});
  for (const SearchGroup& group : space.groups) {
    if (group.options.empty()) continue;
    const bool tied = space.layers[group.layers.front()].name == "stack2.conv1";
    CHECK(group.options == (tied ? std::vector<int>{2} : std::vector<int>{2, 4}));
  }
  CHECK_FALSE(space.uniform(4).has_value());
  CHECK_THROWS_WITH_AS(space.limit(parse_budget("size=uniform:4")),
                       "--budget: expected uniform: bits that all layers have, some of 2, 4, got 4",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      space_of(resnet(twn), {3, 4}),
      "search: layer stack2.shortcut: no option of 3, 4 bits fits (weights of twn: "
      "2..2)",
      std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      space_of(resnet({"quant.override=[{match=\"*\", bits=8}]"}), {3, 4}),
      "search: expected layers whose bits follow quant.weight.bits, got a network in "
      "which every layer has bits of its own or none",
      std::invalid_argument);
  CHECK_THROWS_WITH_AS(space_of(resnet({"quant.method=lsq"}), {1, 4}),
                       "--options: expected bits that some layer supports, got 1",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(space_of(resnet(), {4}),
                       "--options: expected at least 2 different bit widths, got 1",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(space_of(resnet(), {4, 9}), "--options: expected bits in 1..8, got 9",
                       std::invalid_argument);
}

TEST_CASE("with_bits: the network of the config has the bits, and rules of the config stay") {
  const ExperimentConfig config =
      resnet({"quant.override=[{match=\"stack1.conv1\", activation={bits=6}}]"});
  const SearchSpace space = space_of(config, {2, 4, 8});
  SearchSpace::Choice choice = space.uniform(4).value();
  choice[1] = 2;
  const ExperimentConfig chosen = with_bits(config, space, choice);
  const auto network = build_network(chosen, data_format(chosen));
  for (layers::QuantizedLayer* layer : network->quantized_layers()) {
    CAPTURE(layer->name());
    const bool ends = layer->name() == "conv1" || layer->name() == "fc";
    const bool two = layer->name() == "stack1.conv1";
    CHECK(layer->weight_quantizer().bits() == (ends ? 8 : two ? 2 : 4));
    CHECK(layer->input_quantizer().bits() == (two ? 6 : 8));
  }
}

TEST_CASE("latency tables: what is written reads back, and bad rows are named") {
  const LatencyTable table{{{{"conv1", 4}, 0.25}, {{"a,b", 2}, 1.0 / 3.0}}, {{"pool", 0.125}}};
  const LatencyTable again = parse_latency_csv(latency_csv(table), "t.csv");
  CHECK(again.layers == table.layers);
  CHECK(again.fixed == table.fixed);
  const auto parse = [](const std::string& rows) {
    parse_latency_csv("# target\nlayer,bits,milliseconds\n" + rows, "t.csv");
  };
  CHECK_NOTHROW(parse("conv1, 4, 0.5\r\n\n"));
  for (const char* row : {"conv1,4", "conv1,4,fast", "conv1,four,1", "conv1,9,1", "conv1,0,1",
                          "conv1,4,-1", "conv1,4,nan", "conv1,4,inf", ",4,1", "conv1;4;1"}) {
    CAPTURE(row);
    CHECK_THROWS_WITH_AS(
        parse(std::string("fc,8,1\n") + row),
        (std::string("t.csv:4: expected 'layer,bits,milliseconds' with bits in 1..8 "
                     "or none and milliseconds >= 0, got '") +
         row + "'")
            .c_str(),
        std::invalid_argument);
  }
  CHECK_THROWS_WITH_AS(parse("fc,8,1\nfc,8,2\n"),
                       "t.csv:4: expected one row for each layer and bits, got another 'fc,8,2'",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(parse_latency_csv("name,bits,ms\n", "t.csv"),
                       "t.csv:1: expected the header 'layer,bits,milliseconds', got 'name,bits,ms'",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(parse_latency_csv("\n", "t.csv"),
                       "t.csv: expected the header 'layer,bits,milliseconds', got an empty table",
                       std::invalid_argument);
}

TEST_CASE("set_latency: every layer and option needs a row, others and fixed layers may have one") {
  SearchSpace space = space_of(resnet(), {2, 4});
  LatencyTable table;
  for (const SearchLayer& layer : space.layers)
    for (const int bits : {2, 4, 8}) table.layers[{layer.name, bits}] = bits;
  table.fixed["pool"] = 0.5;
  set_latency(space, table, "t.csv");
  // conv1 and fc at their own 8 bits, and the pool.
  CHECK(space.fixed_milliseconds == 16.5);
  CHECK(space.cost(CostKind::latency, space.uniform(4).value()) == 16.5 + 8 * 4);
  const auto groups = space.option_groups(CostKind::latency, {});
  CHECK(ptq::least_cost(groups) == 16.5 + 8 * 2);

  table.layers.erase({"stack1.conv2", 2});
  CHECK_THROWS_WITH_AS(
      set_latency(space, table, "t.csv"),
      "t.csv: expected a row for each layer and option, got none for stack1.conv2 at 2",
      std::invalid_argument);
  table.layers[{"stack1.conv9", 2}] = 1.0;
  CHECK_THROWS_AS(set_latency(space, table, "t.csv"), std::invalid_argument);
}

/// A search of a resnet8 whose weights are drawn: sensitivities do not ask for accuracy.
struct SmallSearch {
  explicit SmallSearch(const Overrides& more = {}) : config(resnet(more)) {
    const auto network = build_network(config, data_format(config));
    write_safetensors(folder / "start.safetensors",
                      train::network_state(*network, config.model.name));
    Overrides overrides = more;
    overrides.push_back("train.init_from=\"" + (folder / "start.safetensors").string() + "\"");
    config = resnet(overrides);
    data = load_data(config);
  }

  SearchResult run(const std::string& name, const SearchOptions& options) const {
    const RunFolder run = std::filesystem::exists(folder / name)
                              ? RunFolder::open(folder / name)
                              : RunFolder::create_at(folder / name);
    if (!std::filesystem::exists(run.config())) write_text(run.config(), config.resolved());
    return BitSearch(config, data, options).run(run);
  }

  TemporaryFolder folder;
  ExperimentConfig config;
  Data data;
};

SearchOptions options_of(const char* budget, const char* measure = "kl",
                         SearchedBits what = SearchedBits::weights) {
  return {
      .budget = parse_budget(budget),
      .options = {2, 4},
      .sensitivity = {.measure = ptq::sensitivity_measure(measure), .what = what, .images = 24}};
}

TEST_CASE("bit search: the selection is the best of all that fit, by the table it leaves") {
  const SmallSearch search;
  for (const char* measure : {"kl", "loss", "sqnr", "hessian"}) {
    CAPTURE(measure);
    const SearchResult result = search.run(measure, options_of("mean_bits=3.2", measure));
    std::vector<std::size_t> searched;
    for (std::size_t g = 0; g < result.space.groups.size(); ++g)
      if (!result.space.groups[g].options.empty()) searched.push_back(g);
    REQUIRE(searched.size() == 4);
    double best = INFINITY;
    for (unsigned code = 0; code < 16; ++code) {
      SearchSpace::Choice choice = result.space.uniform(2).value();
      for (std::size_t k = 0; k < 4; ++k)
        if ((code >> k & 1u) != 0) choice[searched[k]] = 4;
      if (result.space.in_units(CostKind::mean_bits,
                                result.space.cost(CostKind::mean_bits, choice)) > 3.2)
        continue;
      double sum = 0.0;
      for (const std::size_t g : searched)
        for (const std::size_t i : result.space.groups[g].layers)
          sum += std::max(result.sensitivities.at({result.space.layers[i].name, *choice[g]}), 0.0);
      best = std::min(best, sum);
    }
    CHECK(result.chosen.sensitivity == doctest::Approx(best).epsilon(1e-12));
    CHECK(result.chosen.mean_bits <= 3.2);
    CHECK(result.uniform.size() == 2);
    CHECK(result.front.front().mean_bits == result.uniform[0].second.mean_bits);
    CHECK(std::filesystem::exists(search.folder / measure / kChosenConfig));
  }
}

TEST_CASE(
    "bit search: values that are there are not measured again, and a cut table is completed to the "
    "bit") {
  const SmallSearch search;
  const SearchOptions options = options_of("size=uniform:4", "kl", SearchedBits::both);
  search.run("whole", options);
  const std::string table = read_bytes(search.folder / "whole" / kSensitivityFile);
  CHECK(search.run("whole", options_of("size=uniform:2", "kl", SearchedBits::both))
            .chosen.sensitivity > 0.0);
  CHECK(read_bytes(search.folder / "whole" / kSensitivityFile) == table);

  // As a kill leaves it: some of the values.
  const RunFolder cut = RunFolder::create_at(search.folder / "cut");
  write_text(cut.config(), read_bytes(search.folder / "whole" / "config.toml"));
  std::string part = table;
  const std::size_t second = part.find("},\n", part.find("\"values\"", part.find("depends_on")));
  REQUIRE(second != std::string::npos);
  part = part.substr(0, second + 1) + "\n ]\n}\n";
  write_text(cut.path() / kSensitivityFile, part);
  BitSearch(search.config, search.data, options).run(cut);
  CHECK(read_bytes(cut.path() / kSensitivityFile) == table);

  // Another measure is another table.
  search.run("whole", options_of("size=uniform:4", "loss", SearchedBits::both));
  CHECK(read_bytes(search.folder / "whole" / kSensitivityFile) != table);
}

TEST_CASE("bit search: the chosen config is an experiment with these bits") {
  const SmallSearch search;
  const SearchResult result = search.run("run", options_of("mean_bits=3.2"));
  const ExperimentConfig chosen = load_experiment(search.folder / "run" / kChosenConfig);
  const auto network = load_trained(chosen, data_format(chosen));
  std::map<std::string, int> bits;
  for (layers::QuantizedLayer* layer : network->quantized_layers())
    bits[layer->name()] = layer->weight_quantizer().bits();
  result.space.for_each_searched(result.chosen.choice, [&](const SearchLayer& layer, int option) {
    CHECK(bits.at(layer.name) == option);
  });
}

TEST_CASE("bit search: refused before anything is measured") {
  const SmallSearch search;
  const auto refusal = [&](const SearchOptions& options) {
    try {
      BitSearch(search.config, search.data, options);
    } catch (const std::invalid_argument& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(
      refusal(options_of("size=1B"))
          .starts_with(
              "--budget: expected size of at least 1.8 KiB, the least of any choice, got 0.0 KiB"));
  CHECK(refusal(options_of("size=1KiB", "kl", SearchedBits::inputs)) ==
        "--budget: expected bops or latency with --what inputs, which leaves weights as they are, "
        "got "
        "size");
  SearchOptions none = options_of("mean_bits=4");
  none.sensitivity.images = 0;
  CHECK(refusal(none) == "--images: expected at least 1 image, got 0");
  const ExperimentConfig drawn = resnet();
  CHECK_THROWS_WITH_AS(BitSearch(drawn, search.data, options_of("mean_bits=4")),
                       "search: expected a trained checkpoint to start from, got none: give "
                       "--checkpoint RUN or FILE, or the key train.init_from or model.onnx",
                       std::invalid_argument);
}

TEST_CASE("bit search: a sensitivity that is not finite names layer and bits") {
  const SmallSearch search;
  const Overrides floats{"quant.activation.method=none"};
  const auto network = build_network(resnet(floats), data_format(search.config));
  for (const layers::Parameter& parameter : network->parameters())
    if (parameter.kind == layers::ParameterKind::norm) {
      Tensor gain = parameter.value.value();
      std::ranges::fill(gain.span(), 1e38f);  // what follows overflows
    }
  const std::filesystem::path file = search.folder / "overflow.safetensors";
  write_safetensors(file, train::network_state(*network, search.config.model.name));
  const ExperimentConfig config = resnet({floats[0], "train.init_from=\"" + file.string() + "\""});
  const RunFolder run = RunFolder::create_at(search.folder / "run");
  write_text(run.config(), config.resolved());
  BitSearch broken(config, search.data, options_of("mean_bits=4"));
  std::string refusal;
  try {
    broken.run(run);
  } catch (const std::invalid_argument& error) {
    refusal = error.what();
  }
  CHECK(refusal.starts_with(
      "search: layer stack1.conv1 at 2 bits: expected a finite sensitivity (kl), got "));
  CHECK(refusal.ends_with("nan"));  // of either sign
  CHECK_FALSE(std::filesystem::exists(run.path() / kChosenConfig));
}

TEST_CASE("spread_evenly: first, last and what is nearest to even steps in cost") {
  std::vector<SearchPoint> front;
  for (const double bytes : {0.0, 1.0, 2.0, 9.0, 10.0}) front.push_back({.bytes = bytes});
  CHECK(spread_evenly(front, CostKind::size, 3) == std::vector<std::size_t>{0, 2, 4});
  CHECK(spread_evenly(front, CostKind::size, 2) == std::vector<std::size_t>{0, 4});
  CHECK(spread_evenly(front, CostKind::size, 100).size() == 5);
  CHECK(spread_evenly({}, CostKind::size, 3).empty());
}

}  // namespace
}  // namespace quench::experiments
