#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <stdexcept>

#include "experiments/compare/comparison_fixture.h"
#include "experiments/report/report.h"
#include "experiments/run.h"
#include "support/file.h"
#include "temporary_folder.h"

using namespace quench;
using namespace quench::experiments;
using namespace quench::experiments::report;

namespace {

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// The result of read_run_record() for a run with these accuracies, without a checkpoint.
RunReport run_of(const std::string& name, const std::vector<double>& quantized) {
  RunReport run;
  run.record.name = name;
  run.record.config = {{"model.name", "binarynet"}, {"quant.method", name}};
  run.record.quant.method = name;
  for (std::size_t i = 0; i < quantized.size(); ++i) {
    run.record.epochs.push_back({.row = {.epoch = static_cast<std::int64_t>(i + 1),
                                         .loss = 1.0,
                                         .top1_quantized = quantized[i],
                                         .top1_float = 90.0,
                                         .lr = 0.1,
                                         .seconds = 30.0}});
  }
  return run;
}

/// A trained run of a tiny network: its folder.
std::filesystem::path train_tiny(const TemporaryFolder& temporary, const std::string& name,
                                 const std::vector<std::string>& overrides = {}) {
  std::vector<std::string> all{"train.epochs=1", "train.threads=1", "quant.method=ste"};
  all.insert(all.end(), overrides.begin(), overrides.end());
  Run run(load_experiment(write_small_experiment(temporary), all));
  const RunFolder folder = RunFolder::create_at(temporary / name);
  write_file_atomically(folder.config(), run.config().resolved());
  run.train(folder, [] { return false; });
  return folder.path();
}

}  // namespace

TEST_CASE("page: says which run is best, by how much, and what quantization costs") {
  const std::vector<RunReport> runs{run_of("ste", {50.0, 80.5}), run_of("lsq", {70.0, 83.75})};
  const std::string page = report_page(runs);
  CHECK(holds(page, "lsq</span> is best</strong>: <strong>83.75 %</strong>"));
  CHECK(holds(page, "3.25 points above"));
  CHECK(holds(page,
              "The float weights underneath reach 90.00 %, so quantization costs 6.25 points."));
  CHECK(holds(page, "ste</span> reach 90.00 %, so quantization costs 9.50 points."));
  CHECK(holds(page, "<td class=\"number\">−3.25</td>"));
  CHECK(holds(page, "<td class=\"number\">1:00</td>"));  // two epochs of 30 s
  CHECK(holds(page, "<tr><th scope=\"row\">quant.method</th><td>ste</td><td>lsq</td></tr>"));
  CHECK_FALSE(holds(page, "<script"));
  CHECK_FALSE(holds(page, "http://"));
  CHECK_FALSE(holds(page, "https://"));
}

TEST_CASE("page: a run of quench quantize and its float run, with the accuracy before and after") {
  RunReport floating = run_of("none", {95.0, 96.0});
  for (EpochMetrics& epoch : floating.record.epochs)
    epoch.row.top1_float = epoch.row.top1_quantized;
  RunReport ptq = run_of("symmetric", {});
  ptq.record.origin = RunOrigin::quantized;
  ptq.record.quantized = {.top1_quantized = 93.6, .top1_float = 96.0, .images = 1000};
  const std::string page = report_page(std::vector{floating, ptq});
  CHECK(holds(page, "none</span> is best</strong>: <strong>96.00 %</strong>"));
  CHECK(holds(page, ", 2.40 points above"));
  CHECK(holds(page,
              "symmetric</span> was made of reaches 96.00 %, so quantization costs 2.40 "
              "points."));
  CHECK_FALSE(holds(page, "costs nothing"));
  CHECK_FALSE(holds(page, "The float weights"));  // only quantized runs mention them
  CHECK(holds(report_page(std::vector{ptq}),
              "symmetric</span> classifies <strong>93.60 %</strong> of its evaluation images. "
              "The float network it was made of reaches 96.00 %, so quantization costs 2.40 "
              "points."));
  RunReport imported = run_of("none", {});
  imported.record.origin = RunOrigin::imported;
  CHECK(holds(report_page(std::vector{imported}), "No accuracy is known."));
}

TEST_CASE("page: differences between runs come first, and such runs are not ranked") {
  std::vector<RunReport> runs{run_of("ste", {50.0}), run_of("lsq", {60.0}), run_of("ab", {99.0})};
  for (RunReport& run : runs) {
    run.record.config["data.name"] = "synthetic";
    run.record.config["data.test_size"] = "1000";
    run.record.config["data.train_size"] = "512";
  }
  runs[2].record.config["data.name"] = "cifar10";
  const std::string page = report_page(runs);
  CHECK(holds(page,
              "<strong>Not all of these runs can be compared</strong>: they differ in the "
              "data set."));
  CHECK(page.find("Not all of these") < page.find("is best"));
  CHECK(holds(page, "<h3>1,000 test images of synthetic, 512 for training</h3>"));
  CHECK(holds(page, "lsq</span> is best</strong>: <strong>60.00 %</strong>"));
  CHECK(holds(page, "ab</span> classifies <strong>99.00 %</strong>"));
  CHECK_FALSE(holds(page, "ab</span> is best"));
  CHECK_FALSE(holds(page, "39.00"));  // points between two groups
  runs[2].record.config = runs[0].record.config;
  runs[2].record.config["data.train_size"] = "1024";
  runs[2].record.config["data.test_size"] = "500";
  CHECK(holds(report_page(runs),
              "they differ in the evaluation images, the number of "
              "training images."));
}

TEST_CASE("page: the effect of chance, with separate images for each run and with the same ones") {
  std::vector<RunReport> runs{run_of("ste", {50.0}), run_of("lsq", {62.0})};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    Measurements& measured = runs[i].measured.emplace();
    measured.evaluation_images = 100;
    measured.labels.assign(100, 0);
    measured.right.assign(100, false);
    // lsq is right on the first 62 images, ste on 38 of these and 12 others.
    std::fill_n(measured.right.begin(), i == 0 ? 38 : 62, true);
    if (i == 0) std::fill_n(measured.right.begin() + 62, 12, true);
  }
  const std::string page = report_page(runs);
  // 1.96 sqrt(0.5 0.5 / 100 + 0.62 0.38 / 100)
  CHECK(holds(page, "Sampling error alone could explain up to 13.66 points on 100 images"));
  // 24 images against 12: 2 sum of C(36, i) / 2^36 for i = 0..12.
  CHECK(holds(page, "lsq</span> is right on 24, only <span"));
  CHECK(holds(page, "ste</span> on 12: chance may explain this (exact McNemar test, p = 0.065)."));
  CHECK(holds(page, "<td class=\"number\">0.065</td>"));
}

TEST_CASE(
    "page: loss and top5 of the evaluation images and the accuracy of each class, if recorded") {
  RunReport run = run_of("ste", {50.0, 60.0});
  const auto told = [&run] {
    const std::string page = report_page(std::vector{run});
    return std::vector{holds(page, "evaluation images (dashed)"),
                       holds(page, "The correct class is among the five most probable"),
                       holds(page, "Accuracy of each class</figcaption>"),
                       holds(page, "The 12 classes of 14 with the lowest accuracy")};
  };
  CHECK(told() == std::vector{false, false, false, false});  // a run of quench 0.1
  for (EpochMetrics& epoch : run.record.epochs) {
    epoch.row.loss_quantized = 0.5;
    epoch.row.top5_quantized = 90.0;
    epoch.classes = {{"cat", 40.0, 50.0}, {"a dog of a very long name", 80.0, 90.0}};
  }
  CHECK(told() == std::vector{true, true, true, false});
  const std::string page = report_page(std::vector{run});
  CHECK(holds(page, "a dog of a very long…"));
  CHECK_FALSE(holds(page, "a dog of a very long name"));
  for (EpochMetrics& epoch : run.record.epochs) {
    epoch.row.top5_quantized = 100.0;  // as of five classes
    for (int label = 2; label < 14; ++label)
      epoch.classes.push_back({"c" + std::to_string(label), 99.0, 99.0});
  }
  CHECK(told() == std::vector{true, false, false, true});
}

TEST_CASE("page: numbers have a typographic minus, also on axes") {
  // Float weights with a lower accuracy: quantization costs nothing.
  const std::string page = report_page(std::vector{run_of("ste", {93.3})});
  CHECK(holds(page, "<td class=\"number\">−3.30</td>"));
  CHECK_FALSE(holds(page, ">-3.30<"));
}

TEST_CASE("page: each layer's share of the quantization error, from its SQNR") {
  RunReport run = run_of("ste", {50.0});
  Measurements& measured = run.measured.emplace();
  const auto add = [&](const std::string& name, double weight, double input) {
    LayerMeasurement& layer = measured.layers.emplace_back();
    layer.trace.name = name;
    layer.trace.output = {1, 1};
    layer.sqnr = ptq::LayerSqnr{.layer = name, .weight = weight, .input = input};
  };
  add("conv1", 10.0, 10.0);     // 0.1 + 0.1
  add("fc2", -20.0, INFINITY);  // 100, which counts as 1, + 0
  add("fc3", 10.0, 3.0103);     // 0.1 + 0.5
  const std::string page = report_page(std::vector{run});
  for (const char* share : {"11.1", "55.6", "33.3"})  // of 1.8
    CHECK(holds(page, fmt::format("<td class=\"number\">{}</td>", share)));
}

TEST_CASE("page: means over seeds, with the paired difference") {
  std::vector<RunReport> runs{run_of("ste/seed-1", {80.0}), run_of("ste/seed-2", {82.0}),
                              run_of("lsq/seed-1", {83.0}), run_of("lsq/seed-2", {84.5})};
  for (std::size_t i = 0; i < runs.size(); ++i) {
    runs[i].record.config["train.seed"] = std::to_string(i % 2 + 1);
    runs[i].record.group = static_cast<int>(i / 2);
  }
  const std::string page = report_page(runs);
  CHECK(holds(page, "<h2>Over seeds</h2>"));
  CHECK(holds(page, "</i>lsq</span>"));
  CHECK(holds(page, "<td class=\"number\">83.75 %</td><td class=\"number\">1.06</td>"));
  // 3 and 2.5 points: 2.75 with a deviation of 0.3536, and t(0.975, 1) = 12.706.
  CHECK(holds(page, "<td class=\"number\">+2.75 ± 3.18</td>"));
  CHECK_FALSE(holds(report_page(std::vector{runs[0], runs[2]}), "Over seeds"));
}

TEST_CASE("page: names are escaped, also in plots") {
  const std::string page =
      report_page(std::vector{run_of("<script>x</script>", {1.0}), run_of("b", {2.0})});
  CHECK_FALSE(holds(page, "<script"));
  CHECK(holds(page, "&lt;script&gt;x&lt;/script&gt;"));
}

TEST_CASE("page: a run without an epoch, with one, with only NaN, and no run") {
  CHECK(holds(report_page(std::vector{run_of("new", {})}), "No run has finished an epoch yet."));
  CHECK(holds(report_page(std::vector{run_of("one", {12.5})}), "<strong>12.50 %</strong>"));
  RunReport broken = run_of("broken", {NAN});
  broken.record.epochs[0].row.loss = broken.record.epochs[0].row.top1_float = NAN;
  const std::string page = report_page(std::vector{broken, run_of("good", {40.0})});
  CHECK(holds(page, "good</span> classifies <strong>40.00 %</strong>"));
  CHECK_FALSE(holds(page, "class=\"best\""));  // no accuracy, no best run
  CHECK_FALSE(holds(page, "nan"));
  CHECK_THROWS_AS(report_page({}), std::invalid_argument);
}

TEST_CASE("report: of a trained run, with layers, histograms and mistakes") {
  const TemporaryFolder temporary;
  const auto runs = load_runs({train_tiny(temporary, "a")}, {});
  REQUIRE(runs[0].measured.has_value());
  const Measurements& measured = *runs[0].measured;
  CHECK(measured.layers.size() == 9);
  CHECK(measured.bits == "4 x 4");
  CHECK(runs[0].record.quant.method == "ste");
  CHECK(measured.right.size() == 16);
  CHECK(std::ranges::count(measured.right, true) == measured.confusion->correct());
  CHECK(measured.confusion->images() == 16);
  CHECK(measured.wrong.size() ==
        std::min<std::size_t>(12, static_cast<std::size_t>(16 - measured.confusion->correct())));
  for (const LayerMeasurement& layer : measured.layers) {
    CAPTURE(layer.trace.name);
    CHECK(layer.weight->count == layer.trace.weight.numel());
    REQUIRE(layer.inputs.size() == 1);
    CHECK(layer.inputs[0].count == 16 * layer.trace.input.numel());
    CHECK(layer.sqnr.has_value());
  }
  // The page's mistakes match evaluation.
  const double top1 = runs[0].record.epochs.back().row.top1_quantized;
  CHECK(100.0 * static_cast<double>(measured.confusion->correct()) / 16.0 == top1);
  const std::string page = report_page(runs);
  CHECK(holds(page, "all 16 test images"));
  CHECK(holds(page, "data:image/png;base64,"));
}

TEST_CASE("report: noise of 1-bit weights without a scale is independent of their size") {
  const TemporaryFolder temporary;
  const auto runs = load_runs({train_tiny(temporary, "a", {"quant.bits=1"})}, {});
  for (const LayerMeasurement& layer : runs[0].measured->layers) {
    CAPTURE(layer.trace.name);
    CHECK(layer.sqnr->output < 0.0);
    CHECK(layer.sqnr->normalized_output > 0.0);
  }
}

TEST_CASE("report: the end of a run writes it; a missing folder is a message, not an exception") {
  const TemporaryFolder temporary;
  const auto folder = train_tiny(temporary, "a");
  const RunFolder opened = RunFolder::open(folder);
  Run run(load_experiment(opened.config()), opened);
  CHECK(write_run_report(folder, run.network(), run.config(), run.data()).empty());
  CHECK(std::filesystem::file_size(folder / "report.html") > 50'000);
  CHECK(holds(write_run_report(temporary / "none", run.network(), run.config(), run.data()),
              "expected a run folder"));
}

TEST_CASE("report: without a checkpoint, with another model's checkpoint, without images") {
  const TemporaryFolder temporary;
  const auto good = train_tiny(temporary, "good");
  const auto other = train_tiny(temporary, "other", {"model.width=0.125"});
  std::filesystem::copy_file(other / "last.safetensors", good / "best.safetensors",
                             std::filesystem::copy_options::overwrite_existing);
  std::filesystem::remove(other / "last.safetensors");
  const auto runs = load_runs({good, other}, {});
  CHECK(runs[0].measured.has_value());
  CHECK_FALSE(runs[1].measured.has_value());
  CHECK(holds(runs[1].record.notes.back(), "no checkpoint"));
  CHECK(holds(report_page(runs), "no checkpoint"));

  const auto wrong = load_runs({good}, {.checkpoint = "best"});
  CHECK_FALSE(wrong[0].measured.has_value());
  CHECK(holds(wrong[0].record.notes.back(), "layers are missing: "));

  std::string classes;
  for (int i = 0; i < 10; ++i) classes += "c\n";
  std::ofstream(good / "classes.txt") << classes;
  const auto blind = load_runs(
      {good}, {.overrides = {"data.name=cifar10", "data.dir=" + (temporary / "x").string()}});
  REQUIRE(blind[0].measured.has_value());
  CHECK_FALSE(blind[0].measured->confusion.has_value());
  CHECK(blind[0].measured->layers[0].weight->sqnr.has_value());
  CHECK(blind[0].measured->layers[0].inputs.empty());
  CHECK(holds(report_page(blind), "its images are unavailable"));
}
