#include "experiments/search/latency.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "core/random.h"
#include "deploy/engine/engine.h"
#include "deploy/freeze.h"
#include "experiments/post_training.h"
#include "support/error.h"
#include "support/progress.h"
#include "support/text_list.h"

namespace quench::experiments {
namespace {

constexpr std::string_view kHeader = "layer,bits,milliseconds";

template <typename T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

struct Row {
  std::string layer;
  std::optional<int> bits;
  double milliseconds = 0.0;
};

/// Nothing for a row that is not as LatencyTable says. A layer's name may hold commas.
std::optional<Row> parse_row(std::string_view line) {
  const std::size_t last = line.rfind(',');
  if (last == std::string_view::npos || last == 0) return std::nullopt;
  const std::size_t middle = line.rfind(',', last - 1);
  if (middle == std::string_view::npos) return std::nullopt;
  Row row{.layer = std::string(trimmed(line.substr(0, middle)))};
  const std::string_view bits = trimmed(line.substr(middle + 1, last - middle - 1));
  if (!bits.empty()) {
    row.bits = number<int>(bits);
    if (!row.bits || *row.bits < 1 || *row.bits > 8) return std::nullopt;
  }
  const auto milliseconds = number<double>(trimmed(line.substr(last + 1)));
  if (row.layer.empty() || !milliseconds || !std::isfinite(*milliseconds) || *milliseconds < 0.0)
    return std::nullopt;
  row.milliseconds = *milliseconds;
  return row;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::ranges::nth_element(values, middle);
  return *middle;
}

Tensor random_image(const deploy::IntegerNetwork& network) {
  Random random(0, "images");
  Tensor image({1, network.channels, network.height, network.width});
  std::ranges::generate(image.span(), [&] { return random.uniform(-2.0f, 2.0f); });
  return image;
}

/// The engine of the network with one option, and how long its operations took in each run.
struct TimedEngine {
  int option;
  deploy::Engine engine;
  std::vector<std::vector<double>> seconds;  // by operation

  void run(const Tensor& image, bool counts) {
    const std::vector<double> taken = engine.operation_seconds(image);
    seconds.resize(taken.size());
    for (std::size_t i = 0; counts && i < taken.size(); ++i) seconds[i].push_back(taken[i]);
  }
};

deploy::Engine engine_of(const ExperimentConfig& config, const Data& data) {
  const auto network = load_trained(config, data.train->format());
  ptq::CalibrationOptions ranges;
  ranges.batches = 1;
  ranges.batch_size = config.train.eval_batch_size;
  apply_calibration(*network, ranges, *calibration_loader(config, ranges, data.train));
  const datasets::ImageShape image = data.train->format().image;
  return deploy::Engine(deploy::freeze(*network, {1, image.channels, image.height, image.width}));
}

}  // namespace

std::string latency_csv(const LatencyTable& table) {
  std::string text = fmt::format("{}\n", kHeader);
  for (const auto& [key, milliseconds] : table.layers)
    text += fmt::format("{},{},{}\n", key.first, key.second, milliseconds);
  for (const auto& [name, milliseconds] : table.fixed)
    text += fmt::format("{},,{}\n", name, milliseconds);
  return text;
}

LatencyTable parse_latency_csv(std::string_view text, const std::string& name) {
  LatencyTable table;
  bool header = false;
  for (int line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view content = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (content.empty() || content.starts_with('#')) continue;
    if (!header) {
      require(content == kHeader, "{}:{}: expected the header '{}', got '{}'", name, line, kHeader,
              content);
      header = true;
      continue;
    }
    const std::optional<Row> row = parse_row(content);
    require(row.has_value(),
            "{}:{}: expected 'layer,bits,milliseconds' with bits in 1..8 or none and milliseconds "
            ">= 0, got '{}'",
            name, line, content);
    const bool added =
        row->bits ? table.layers.try_emplace({row->layer, *row->bits}, row->milliseconds).second
                  : table.fixed.try_emplace(row->layer, row->milliseconds).second;
    require(added, "{}:{}: expected one row for each layer and bits, got another '{}'", name, line,
            content);
  }
  require(header, "{}: expected the header '{}', got an empty table", name, kHeader);
  return table;
}

void set_latency(SearchSpace& space, const LatencyTable& table, const std::string& name) {
  std::set<std::string> known;
  std::vector<std::string> names, missing;
  space.milliseconds.emplace();
  space.fixed_milliseconds = 0.0;
  for (const SearchGroup& group : space.groups)
    for (const std::size_t i : group.layers) {
      const SearchLayer& layer = space.layers[i];
      known.insert(layer.name);
      names.push_back(layer.name);
      if (!layer.searched()) {
        const auto row = table.layers.find({layer.name, layer.fixed.weight});
        if (row != table.layers.end()) space.fixed_milliseconds += row->second;
        continue;
      }
      for (const int option : group.options) {
        const auto row = table.layers.find({layer.name, option});
        if (row == table.layers.end()) {
          missing.push_back(fmt::format("{} at {}", layer.name, option));
        } else {
          space.milliseconds->insert(*row);
        }
      }
    }
  for (const auto& [key, milliseconds] : table.layers)
    require(known.contains(key.first),
            "{}: expected layers of the network ({}), got '{}'; a row without bits is of any other "
            "operation",
            name, listed(names), key.first);
  require(missing.empty(), "{}: expected a row for each layer and option, got none for {}", name,
          listed(missing));
  for (const auto& [operation, milliseconds] : table.fixed)
    space.fixed_milliseconds += milliseconds;
}

LatencyTable measure_latency(const ExperimentConfig& config, const SearchSpace& space,
                             const Data& data) {
  constexpr int kRounds = 6, kWarmUp = 2, kRuns = 8;
  std::vector<TimedEngine> engines;
  for (const int option : space.options())
    engines.push_back({option, engine_of(with_option(config, space, option), data), {}});
  progress_bar().begin("latency", kRounds * std::ssize(engines));
  const Tensor image = random_image(engines.front().engine.network());
  for (int round = 0; round < kRounds; ++round)
    for (TimedEngine& timed : engines) {
      for (int run = -kWarmUp; run < kRuns; ++run) timed.run(image, run >= 0);
      progress_bar().advance();
    }

  std::map<std::string, std::vector<int>> options;  // by searched layer
  for (const SearchGroup& group : space.groups)
    for (const std::size_t i : group.layers)
      if (space.layers[i].searched()) options[space.layers[i].name] = group.options;
  LatencyTable table;
  for (const TimedEngine& timed : engines) {
    const auto& operations = timed.engine.network().operations;
    for (std::size_t k = 0; k < operations.size(); ++k) {
      const double milliseconds = 1e3 * median(timed.seconds[k]);
      const std::string& name = operations[k].name;
      const auto searched = options.find(name);
      if (searched == options.end()) {
        table.fixed[name] += milliseconds / static_cast<double>(engines.size());
      } else if (std::ranges::find(searched->second, timed.option) != searched->second.end()) {
        table.layers[{name, timed.option}] += milliseconds;
      }
    }
  }
  return table;
}

}  // namespace quench::experiments
