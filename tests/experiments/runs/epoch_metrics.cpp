#include "experiments/runs/epoch_metrics.h"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <stdexcept>
#include <string>

#include "temporary_folder.h"

using namespace quench;
using namespace quench::experiments;

namespace {

EpochMetrics example() {
  return {.row = {.epoch = 2,
                  .step = 8,
                  .loss = 0.1,
                  .top1_quantized = 62.5,
                  .lr = 1e-5,
                  .loss_quantized = 0.25,
                  .loss_float = 0.5,
                  .top5_quantized = 99.0,
                  .top5_float = 100.0},
          .wall_time = 1700000000.25,
          .layers = {{"conv2.weight", {{"alpha", 0.5}, {"scale", 1.0 / 3.0}}},
                     {"conv1.input", {{"scale", 0.25}}}},
          .classes = {{"dog", 75.0, 87.5}, {"cat", 12.5, 25.0}}};
}

constexpr const char* kExampleLine =
    R"({"epoch":2,"step":8,"loss":0.1,"train_top1":0.0,"top1_quantized":62.5,"top1_float":0.0,)"
    R"("alpha":0.0,"lr":1e-05,"images_per_second":0.0,"seconds":0.0,"data_wait_s":0.0,)"
    R"("loss_quantized":0.25,"loss_float":0.5,"top5_quantized":99.0,"top5_float":100.0,)"
    R"("wall_time":1700000000.25,"layers":{"conv2.weight":{"alpha":0.5,"scale":0.3333333333333333},)"
    R"("conv1.input":{"scale":0.25}},)"
    R"("classes":{"dog":{"quantized":75.0,"float":87.5},"cat":{"quantized":12.5,"float":25.0}}})"
    "\n";

std::vector<EpochMetrics> read(const std::string& text) {
  const TemporaryFolder folder;
  std::ofstream(folder / "m") << text;
  return read_epoch_metrics(folder / "m");
}

/// The error for the example with `from` replaced by `to`, after the path.
std::string error_for(const std::string& from, const std::string& to) {
  const TemporaryFolder folder;
  std::string line = kExampleLine;
  line.replace(line.find(from), from.size(), to);
  std::ofstream(folder / "m") << kExampleLine << line;
  try {
    read_epoch_metrics(folder / "m");
  } catch (const std::runtime_error& error) {
    return std::string(error.what()).substr((folder / "m").string().size());
  }
  return "no error";
}

}  // namespace

TEST_CASE("metrics.jsonl: a line has every column and the layers in their order") {
  CHECK(line_of(example()) == kExampleLine);
}

TEST_CASE("metrics.jsonl: lines read back to the same values; an incomplete last line is skipped") {
  CHECK(read(line_of(example())) == std::vector<EpochMetrics>{example()});
  CHECK(read(std::string(kExampleLine) + R"({"epoch":3,"st)").size() == 1);
  CHECK(read("").empty());
}

TEST_CASE("metrics.jsonl: lines of quench 0.1 can be read; invalid UTF-8 can be written") {
  std::string line = kExampleLine;
  const auto cut = [&line](const std::string& from, const std::string& to) {
    const std::size_t begin = line.find(from);
    line.erase(begin, line.find(to) - begin);
  };
  cut("\"loss_quantized\"", "\"wall_time\"");
  cut(",\"classes\"", "}\n");
  const EpochMetrics old = read(line).at(0);
  CHECK(old.row.top1_quantized == 62.5);
  CHECK(std::isnan(old.row.loss_quantized));
  CHECK(std::isnan(old.row.top5_float));
  CHECK(old.layers == example().layers);
  CHECK(old.classes.empty());

  EpochMetrics odd = example();
  odd.classes[0].name = "\xff";
  CHECK(read(line_of(odd)).at(0).classes[0].quantized == 75.0);
}

TEST_CASE("metrics.jsonl: values that JSON lacks become null, and read as NaN") {
  EpochMetrics metrics = example();
  metrics.row.loss = NAN;
  metrics.layers[0].values[0].second = INFINITY;
  const std::string line = line_of(metrics);
  CHECK(line.find("\"loss\":null") != std::string::npos);
  const EpochMetrics back = read(line).at(0);
  CHECK(std::isnan(back.row.loss));
  CHECK(std::isnan(back.layers[0].values[0].second));
}

TEST_CASE("metrics.jsonl: a damaged line is an error with its number and key") {
  CHECK(error_for("\"epoch\":2,", "") == ":2: epoch is missing");
  CHECK(error_for("\"epoch\":2", "\"epoch\":2.5") == ":2: epoch: expected an integer, got 2.5");
  CHECK(error_for("\"epoch\":2", "\"epoch\":1e300") ==
        ":2: epoch: expected an integer, got 1e+300");
  CHECK(error_for("0.1", "\"x\"") == ":2: loss: expected a number or null, got \"x\"");
  CHECK(error_for("1700000000.25", "[]") == ":2: wall_time: expected a number or null, got []");
  // So deep that recursion would overflow the stack.
  CHECK(error_for("1700000000.25", std::string(300'000, '[') + std::string(300'000, ']')) ==
        ":2: expected JSON of at most 3 levels");
  CHECK(error_for("\"alpha\":0.5", "\"alpha\":{}") ==
        ":2: layers: conv2.weight: alpha: expected a number or null, got {}");
  CHECK(error_for("{\"scale\":0.25}", "1") ==
        ":2: layers: conv1.input: expected a JSON object, got a number");
  CHECK(error_for("{\"quantized\":75.0,", "{") == ":2: classes: dog: quantized is missing");
  CHECK(error_for("87.5", "[]") == ":2: classes: dog: float: expected a number or null, got []");
  CHECK(error_for("{\"epoch\"", "[").starts_with(":2: expected a JSON object: "));
  CHECK(error_for(kExampleLine, "3\n") == ":2: expected a JSON object, got a number");
}
