#include "cli/parts/integer_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/random.h"
#include "datasets/transform.h"
#include "deploy/integer_only/accumulator_map.h"
#include "deploy/integer_only/requantizers.h"
#include "experiments/experiment.h"
#include "support/file.h"
#include "support/progress.h"

namespace quench::cli {
namespace {

using nlohmann::json;
using namespace deploy;

std::string_view name_of(Rounding rounding) {
  constexpr std::array<std::string_view, 4> kNames{"half_even", "half_away", "half_up", "floor"};
  return kNames[static_cast<std::size_t>(rounding)];
}

std::string_view name_of(Form form) {
  constexpr std::array<std::string_view, 4> kNames{"constant", "shift", "multiplier", "thresholds"};
  return kNames[static_cast<std::size_t>(form)];
}

json value_json(const Value& value) {
  json result{{"size", {value.channels, value.height, value.width}}};
  if (!value.grid) return result;
  result["bits"] = value.grid->bits;
  result["qmin"] = value.grid->qmin;
  result["qmax"] = value.grid->qmax;
  result["zero_point"] = value.grid->zero_point[0];
  if (!value.grid->levels.empty()) result["levels"] = value.grid->levels;
  return result;
}

json line_json(const FixedPointMap& line) {
  return {{"multiplier", line.multiplier},      {"offset", line.offset}, {"shift", line.shift},
          {"rounding", name_of(line.rounding)}, {"low", line.low},       {"high", line.high}};
}

json form_json(const Requantizer& form) {
  if (form.form != Form::thresholds) {
    json result = line_json(form.line);
    result["form"] = name_of(form.form);
    result["exact"] = true;
    return result;
  }
  json from = json::array(), codes = json::array({form.codes.first});
  for (const StepFunction::Step& step : form.codes.steps) {
    from.push_back(step.from);
    codes.push_back(step.code);
  }
  const auto [low, high] = std::minmax({form.codes.first, form.codes.last()});
  json result{{"form", name_of(form.form)},
              {"from", from},
              {"codes", codes},
              {"low", low},
              {"high", high},
              {"exact", true}};
  if (form.codes.steps.size() > 1) {
    result["closest_line"] = line_json(form.line);
    result["closest_line"]["exact"] = false;
    result["closest_line"]["sums_that_differ"] = form.line_differs.count;
    result["closest_line"]["largest_difference"] = form.line_differs.largest;
  }
  return result;
}

json addition_json(const IntegerAddition& addition) {
  if (!addition.table.empty())
    return {{"form", "table"}, {"table", addition.table}, {"exact", true}};
  json exceptions = json::array();
  for (const auto& [a, b, code] : addition.exceptions) exceptions.push_back({a, b, code});
  json result{{"form", "plane"},
              {"multipliers", {addition.multiplier1, addition.multiplier2}},
              {"offset", addition.offset},
              {"shift", addition.shift},
              {"rounding", name_of(addition.rounding)},
              {"low", addition.low},
              {"high", addition.high},
              {"exceptions", exceptions},
              {"exact", true}};
  if (addition.binary) result["codes"] = {-1, 1};
  return result;
}

/// The number of channels per form of computation.
struct Count {
  std::int64_t channels = 0, many_steps = 0, nominal = 0, no_line = 0;
  std::array<std::int64_t, 4> forms{};
  std::int64_t additions = 0, planes = 0, exceptions = 0, tables = 0;
  std::int64_t functions = 0;

  void add(const SumForms& sums) {
    for (const Requantizer& form : sums.channels) {
      const bool line = form.form == Form::shift || form.form == Form::multiplier;
      const bool between_lines = form.form == Form::thresholds && form.codes.steps.size() > 1;
      ++channels;
      ++forms[static_cast<std::size_t>(form.form)];
      many_steps += line || between_lines ? 1 : 0;
      no_line += between_lines ? 1 : 0;
    }
    nominal += sums.nominal_exact;
  }
  void add(const AdditionForms& sums) {
    for (const IntegerAddition& addition : sums.channels) {
      ++additions;
      tables += addition.table.empty() ? 0 : 1;
      planes += addition.table.empty() && addition.exceptions.empty() ? 1 : 0;
      exceptions += static_cast<std::int64_t>(addition.exceptions.size());
    }
  }
  void add(const TableForms& tables_of_codes) { functions += std::ssize(tables_of_codes.channels); }
  void print() const {
    const auto of = [&](Form form) { return forms[static_cast<std::size_t>(form)]; };
    fmt::print(
        "without floats: {} channels, all exact: {} by a multiplier, {} by a shift, {} constant, "
        "{} by thresholds ({} with no exact line)",
        channels, of(Form::multiplier), of(Form::shift), of(Form::constant), of(Form::thresholds),
        no_line);
    if (many_steps > 0)
      fmt::print("; multipliers rounded from the scales: {} of {} exact", nominal, many_steps);
    if (additions > 0)
      fmt::print("; residual sums: {} of {} by a line, {} by a table, others with {} exceptions",
                 planes, additions, tables, exceptions);
    if (functions > 0) fmt::print("; functions: {} by a table of codes", functions);
    fmt::print("\n");
  }
};

json channels_json(const std::vector<Requantizer>& forms) {
  json channels = json::array();
  for (const Requantizer& form : forms) channels.push_back(form_json(form));
  return channels;
}

/// Adds the forms of an output to `json`.
struct WriteForms {
  json& output;
  Count& count;

  void operator()(std::monostate) const {}
  void operator()(const std::vector<SumForms>& sums) const {
    for (const SumForms& forms : sums) {
      count.add(forms);
      const json channels = channels_json(forms.channels);
      if (sums.size() == 1) {
        output["channels"] = channels;
      } else {
        output["of_places"].push_back({{"count", forms.count}, {"channels", channels}});
      }
    }
  }
  void operator()(const AdditionForms& sums) const {
    count.add(sums);
    for (const IntegerAddition& addition : sums.channels)
      output["channels"].push_back(addition_json(addition));
  }
  void operator()(const TableForms& forms) const {
    count.add(forms);
    for (const std::vector<std::int32_t>& table : forms.channels)
      output["channels"].push_back({{"form", "table"}, {"table", table}, {"exact", true}});
  }
  void operator()(const Scores& scores) const {
    output["scores"] = {{"multiplier", scores.multiplier},
                        {"offset", scores.offset},
                        {"shift", scores.shift},
                        {"largest_error", scores.largest_error}};
  }
};

/// The codes of the 256 byte values of an image, per channel.
json bytes_json(const IntegerNetwork& network, const deploy::Output& output,
                const experiments::ExperimentConfig& config) {
  const auto channels = static_cast<std::size_t>(network.channels);
  std::vector<std::uint8_t> bytes;
  for (int byte = 0; byte < 256; ++byte)
    bytes.insert(bytes.end(), channels, static_cast<std::uint8_t>(byte));
  std::vector<float> values(bytes.size());
  const datasets::PixelConverter converter(
      experiments::evaluation_transform(config),
      {.channels = static_cast<int>(channels), .height = 1, .width = 256});
  converter.convert(bytes, Random(0, "unused"), values);

  const quant::QuantGrid& grid = *network.values[output.value].grid;
  std::vector<std::vector<std::int32_t>> codes(channels);
  for (std::size_t i = 0; i < values.size(); ++i)
    codes[i % channels].push_back(code_of(values[i], output, grid, i % channels));
  return codes;
}

}  // namespace

void write_integer_table(const std::filesystem::path& file, const std::string& model,
                         const IntegerNetwork& network,
                         const experiments::ExperimentConfig& config) {
  json values = json::array(), operations = json::array();
  for (const Value& value : network.values) values.push_back(value_json(value));
  Count count;
  ProgressBar bar;
  bar.begin("integer forms", std::ssize(network.operations));
  for (const Operation& operation : network.operations) {
    const std::vector<OutputForms> forms = requantizers(network, operation);
    json outputs = json::array();
    for (std::size_t i = 0; i < forms.size(); ++i) {
      json output{{"value", operation.outputs[i].value}};
      if (std::holds_alternative<Quantize>(operation.kind))
        output["bytes"] = bytes_json(network, operation.outputs[i], config);
      std::visit(WriteForms{output, count}, forms[i]);
      outputs.push_back(output);
    }
    operations.push_back({{"name", operation.name},
                          {"computes", to_string(operation.kind)},
                          {"inputs", operation.inputs},
                          {"outputs", outputs}});
    bar.advance();
  }
  const json table{
      {"version", 1}, {"model", model}, {"values", values}, {"operations", operations}};
  write_file_atomically(file, table.dump(1) + "\n");
  bar.clear();
  count.print();
}

}  // namespace quench::cli
