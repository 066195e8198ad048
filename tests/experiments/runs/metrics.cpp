#include "experiments/runs/metrics.h"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

#include "temporary_folder.h"

using namespace quench;
using namespace quench::experiments;

namespace {

constexpr const char* kOldHeader =  // of quench 0.1
    "epoch,step,loss,train_top1,top1_quantized,top1_float,alpha,lr,images_per_second,seconds,data_"
    "wait_s\n";
constexpr const char* kHeader =
    "epoch,step,loss,train_top1,top1_quantized,top1_float,alpha,lr,images_per_second,seconds,data_"
    "wait_s,loss_quantized,loss_float,top5_quantized,top5_float\n";

std::string text_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

MetricsRow row(std::int64_t epoch) {
  return {.epoch = epoch, .step = 10 * epoch, .loss = 0.1, .train_top1 = 50.0, .lr = 1e-5};
}

std::string error_for(const TemporaryFolder& folder, const std::string& text) {
  const auto path = folder / "m.csv";
  std::ofstream(path) << text;
  try {
    read_metrics(path);
  } catch (const std::runtime_error& error) {
    return std::string(error.what()).substr(path.string().size());
  }
  return "no error";
}

}  // namespace

TEST_CASE("metrics: rows follow one line of column names and read back exactly") {
  const TemporaryFolder folder;
  const auto path = folder / "metrics.csv";
  MetricsRow first = row(1);
  first.top1_quantized = 100.0 / 3.0;
  MetricsWriter(path).append(first);
  MetricsWriter(path).append(row(2));
  CHECK(read_metrics(path) == std::vector<MetricsRow>{first, row(2)});
  CHECK(text_of(path).starts_with(std::string(kHeader) + "1,10,0.1,50,33.333333333333336,0,"));
}

TEST_CASE("metrics: NaN survives a round trip") {
  const TemporaryFolder folder;
  MetricsRow written = row(1);
  written.top1_float = NAN;
  MetricsWriter(folder / "m").append(written);
  CHECK(std::isnan(read_metrics(folder / "m").at(0).top1_float));
}

TEST_CASE("metrics: truncating keeps the epochs of the checkpoint and drops an incomplete line") {
  const TemporaryFolder folder;
  const auto path = folder / "metrics.csv";
  MetricsWriter writer(path);
  writer.truncate(3);  // nothing there yet
  CHECK_FALSE(std::filesystem::exists(path));
  for (int epoch = 1; epoch <= 3; ++epoch) writer.append(row(epoch));
  const std::string whole = text_of(path);
  writer.append(row(4));
  std::ofstream(path, std::ios::app) << "5,5";
  writer.truncate(3);
  CHECK(text_of(path) == whole);
  writer.truncate(0);
  CHECK(text_of(path) == kHeader);
}

TEST_CASE("metrics: a damaged file is an error with its line") {
  const TemporaryFolder folder;
  const std::string header = kHeader;
  CHECK(error_for(folder, "a,b\n").starts_with(":1: expected the columns epoch,step,"));
  const std::string rest = ",4,5,6,7,8,9,10,11,12,13,14,15\n";
  CHECK(error_for(folder, header + "1,2\n") == ":2: expected 15 values, got 2");
  CHECK(error_for(folder, kOldHeader + ("1,2,3" + rest)) == ":2: expected 11 values, got 15");
  CHECK(error_for(folder, header + "1,2,3" + rest + "1,2,x" + rest) ==
        ":3: loss: expected a number, got 'x'");
  CHECK(error_for(folder, header + "1.5,2,3" + rest) == ":2: epoch: expected a number, got '1.5'");
}

TEST_CASE("metrics: a file of quench 0.1 can be read, and gets the missing columns") {
  const TemporaryFolder folder;
  const auto path = folder / "metrics.csv";
  std::ofstream(path) << kOldHeader << "1,4,0.5,25,50,75,0,0.001,9,2,0.25\n";
  const std::vector<MetricsRow> rows = read_metrics(path);
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].top1_float == 75.0);
  CHECK(rows[0].data_wait_s == 0.25);
  CHECK(std::isnan(rows[0].loss_quantized));
  CHECK(std::isnan(rows[0].top5_float));
  MetricsWriter(path).truncate(1);
  CHECK(text_of(path) ==
        std::string(kHeader) + "1,4,0.5,25,50,75,0,0.001,9,2,0.25,nan,nan,nan,nan\n");
  CHECK(read_metrics(path) == rows);
}
