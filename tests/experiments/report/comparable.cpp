#include "experiments/report/comparable.h"

#include <doctest/doctest.h>

using namespace quench::experiments;
using namespace quench::experiments::report;

namespace {

using Reasons = std::vector<std::string>;

RunReport run_with(const ConfigValues& config) {
  RunReport run;
  run.record.config = config;
  return run;
}

/// Images of three classes in turn; the run recognizes those where `right` has a 1.
RunReport measured_run(const std::string& right, const std::string& data = "cifar10") {
  RunReport run = run_with({{"data.name", data}, {"train.seed", "1"}});
  run.measured.emplace();
  run.measured->evaluation_images = std::ssize(right);
  run.measured->training_images = 100;
  for (std::size_t i = 0; i < right.size(); ++i) {
    run.measured->labels.push_back(static_cast<int>(i % 3));
    run.measured->right.push_back(right[i] == '1');
  }
  return run;
}

}  // namespace

TEST_CASE("obstacles: from the configs only") {
  const ConfigValues config{{"data.name", "synthetic"},
                            {"data.train_size", "512"},
                            {"data.test_size", "100"},
                            {"data.validation_size", "0"}};
  const auto against = [&](const std::string& key, const std::string& value) {
    ConfigValues other = config;
    other[key] = value;
    return obstacles(run_with(config), run_with(other));
  };
  CHECK(against("quant.method", "lsq") == Reasons{});
  CHECK(against("data.name", "cifar10") == Reasons{"the data set"});
  CHECK(against("data.dir", "/elsewhere") == Reasons{});
  CHECK(against("data.test_size", "200") == Reasons{"the evaluation images"});
  CHECK(against("data.train_size", "1024") == Reasons{"the number of training images"});
  CHECK(against("data.train_size", "0") == Reasons{});  // the data set's own, whatever that is
  CHECK(against("data.validation_size", "100") ==
        Reasons{"the evaluation images", "the number of training images"});
}

TEST_CASE("obstacles: an image folder is identified by its path") {
  const auto folder = [](const std::string& dir) {
    return run_with({{"data.name", "imagefolder"}, {"data.dir", dir}});
  };
  CHECK(obstacles(folder("/a/b"), folder("/a/./b")).empty());
  CHECK(obstacles(folder("/a/b"), folder("/a/c")) == Reasons{"the data set"});
}

TEST_CASE("obstacles: from measurements, other numbers of images or other labels") {
  CHECK(obstacles(measured_run("1100"), measured_run("0000")).empty());
  CHECK(obstacles(measured_run("1100"), measured_run("110")) == Reasons{"the evaluation images"});
  RunReport other = measured_run("1100");
  other.measured->labels[2] = 0;
  CHECK(obstacles(measured_run("1100"), other) == Reasons{"the evaluation images"});
  other = measured_run("1100");
  other.measured->held_out = true;
  CHECK(obstacles(measured_run("1100"), other) == Reasons{"the evaluation images"});
  other = measured_run("1100");
  other.measured->training_images = 90;
  CHECK(obstacles(measured_run("1100"), other) == Reasons{"the number of training images"});
  other.record.origin = RunOrigin::quantized;  // its weights were trained elsewhere
  CHECK(obstacles(measured_run("1100"), other).empty());
}

TEST_CASE("comparable_groups: a run joins a group that it fits completely") {
  std::vector<RunReport> runs{measured_run("11"), measured_run("111"), measured_run("10"),
                              measured_run("11")};
  runs[0].record.origin = RunOrigin::imported;  // of which the training images are not known
  runs[0].measured->shown_images = 2;
  runs[3].measured->training_images = 50;
  const auto groups = comparable_groups(runs);
  REQUIRE(groups.size() == 3);
  CHECK(groups[0] == std::vector<const RunReport*>{runs.data(), &runs[2]});
  CHECK(groups[1] == std::vector<const RunReport*>{&runs[1]});
  CHECK(groups[2] == std::vector<const RunReport*>{&runs[3]});
}

TEST_CASE("accuracy_of: after the last epoch, from quantize.json, or measured for an import") {
  RunReport run = measured_run("1101");
  CHECK_FALSE(accuracy_of(run).has_value());
  run.measured->confusion.emplace(2);
  for (const int predicted : {0, 0, 1, 0}) run.measured->confusion->add(0, predicted);
  run.measured->shown_images = 4;
  CHECK_FALSE(accuracy_of(run).has_value());  // its training has no epoch yet
  run.record.origin = RunOrigin::imported;
  CHECK(accuracy_of(run)->quantized == 75.0);
  CHECK(accuracy_of(run)->floating == 75.0);
  CHECK(accuracy_of(run)->images == 4);
  run.record.quantized = {.top1_quantized = 60.0, .top1_float = 70.0, .images = 1000};
  CHECK(accuracy_of(run)->quantized == 60.0);
  CHECK(accuracy_of(run)->floating == 70.0);
  run.record.epochs = {{.row = {.top1_quantized = 1.0}},
                       {.row = {.top1_quantized = 50.0, .top1_float = 55.0}}};
  CHECK(accuracy_of(run)->quantized == 50.0);
}

TEST_CASE("paired_images: counted if both saw the same images") {
  const auto paired = paired_images(measured_run("110010"), measured_run("011110"));
  REQUIRE(paired.has_value());
  CHECK(paired->images == 6);
  CHECK(paired->only_a == 1);
  CHECK(paired->only_b == 2);
  CHECK_FALSE(paired_images(measured_run("110"), measured_run("11")).has_value());
  CHECK_FALSE(paired_images(measured_run("110"), measured_run("110", "mnist")).has_value());
  RunReport best = measured_run("110");
  best.checkpoint = "best";
  CHECK_FALSE(paired_images(measured_run("110"), best).has_value());
  // Drawn images depend on the seed, those of files do not.
  for (const char* data : {"synthetic", "cifar10"}) {
    RunReport other = measured_run("110", data);
    other.record.config["train.seed"] = "2";
    CHECK(paired_images(measured_run("110", data), other).has_value() ==
          (data == std::string("cifar10")));
  }
}
