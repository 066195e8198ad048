#include "experiments/distill.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

#include "datasets/dataset.h"
#include "experiments/run.h"
#include "experiments/runs/checkpoint.h"
#include "experiments/runs/class_names.h"
#include "experiments/small_experiment.h"
#include "layers/module.h"
#include "layers/quantized_layer.h"

namespace quench::experiments {
namespace {

using Overrides = std::vector<std::string>;

Overrides with(Overrides overrides, const Overrides& more) {
  overrides.insert(overrides.end(), more.begin(), more.end());
  return overrides;
}

/// Trains one epoch into `path`, config included, as the program does.
RunFolder trained(const std::filesystem::path& path, const Overrides& overrides = {}) {
  RunFolder folder = RunFolder::create_at(path);
  Run run(small_experiment(with({"train.epochs=1"}, overrides)));
  write_text(folder.config(), run.config().resolved());
  run.train(folder, [] { return false; });
  return folder;
}

datasets::Batch first_batch(const ExperimentConfig& config, const Data& data) {
  const auto loader = training_loader(config, data.train);
  loader->start_epoch(0);
  return loader->next().value();
}

std::string error_of(const std::filesystem::path& teacher, const Overrides& student = {}) {
  const ExperimentConfig config = small_experiment(student);
  try {
    Teacher(teacher, config, *load_data(config).train);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

TEST_CASE("teacher: a run's network in evaluation, with its own quantizers and width") {
  const TemporaryFolder parent;
  const Overrides wide{"model.width=0.125", "quant.method=ste", "quant.bits=4"};
  const RunFolder folder = trained(parent / "teacher", wide);
  const ExperimentConfig student = small_experiment();
  const Data data = load_data(student);
  const datasets::Batch batch = first_batch(student, data);

  const ExperimentConfig config = small_experiment(wide);
  const auto network = build_network(config, data.train->format());
  train::load_network(*network, "binarynet", read_safetensors(folder.last()), folder.last());
  const layers::ModeGuard modes(*network, false, quant::Mode::evaluation);
  const Tensor expected = (*network)(Variable(batch.images)).value();

  Teacher teacher(folder.path(), student, *data.train);
  for (int time = 0; time < 2; ++time) {
    CHECK(teacher.logits(batch.images).to_row_major() == expected.to_row_major());
  }
}

TEST_CASE("teacher: a checkpoint fills the student's own network, without quantizers") {
  const TemporaryFolder parent;
  const RunFolder folder = trained(parent / "teacher");
  const ExperimentConfig student = small_experiment({"quant.method=ste", "quant.bits=1"});
  const Data data = load_data(student);
  const datasets::Batch batch = first_batch(student, data);
  Teacher from_run(folder.path(), student, *data.train);
  Teacher from_checkpoint(folder.last(), student, *data.train);
  const std::vector<float> logits = from_run.logits(batch.images).to_row_major();
  CHECK(from_checkpoint.logits(batch.images).to_row_major() == logits);
}

TEST_CASE("distilled loss: the weighted sum of label loss and distance, off the teacher's tape") {
  const TemporaryFolder parent;
  const RunFolder folder = trained(parent / "teacher");
  const std::string teacher = "distill.teacher=" + folder.path().string();
  const auto loss = [&](const Overrides& more) {
    const ExperimentConfig config = small_experiment(with({teacher, "train.seed=8"}, more));
    const Data data = load_data(config);
    const datasets::Batch batch = first_batch(config, data);
    const auto network = build_network(config, data.train->format());
    DistilledLoss distilled(config, *data.train, layers::make_loss({}));
    const Variable logits = (*network)(Variable(batch.images));
    const Variable result = distilled(logits, batch);
    result.backward();
    for (const layers::Parameter& parameter : network->parameters()) {
      CHECK(parameter.value.grad().defined());
    }
    return static_cast<double>(result.value().item());
  };
  const double labels = loss({"distill.label_weight=1.0"}), distance = loss({});
  CHECK(labels != distance);
  CHECK(loss({"distill.label_weight=0.25"}) ==
        doctest::Approx(0.25 * labels + 0.75 * distance).epsilon(1e-6));
  CHECK(loss({"distill.loss=kl"}) != distance);
  CHECK(loss({"distill.loss=kl", "distill.temperature=2.0"}) != loss({"distill.loss=kl"}));
}

TEST_CASE("distillation: a student learns its teacher's logits without labels") {
  const TemporaryFolder parent;
  const RunFolder teacher = trained(parent / "teacher", {"train.epochs=3"});
  for (const char* name : {"rmse", "smooth_l1", "kl"}) {
    CAPTURE(name);
    const RunFolder folder = RunFolder::create_at(parent / name);
    Run student(small_experiment({"train.epochs=8", "train.seed=9", "quant.method=ste",
                                  "quant.bits=8", "distill.loss=" + std::string(name),
                                  "distill.teacher=" + teacher.path().string()}));
    student.train(folder, [] { return false; });
    const std::vector<MetricsRow> rows = read_metrics(folder.metrics());
    CHECK(rows.back().loss < 0.7 * rows.front().loss);
  }
}

TEST_CASE("distillation: interrupted and resumed, the same bits") {
  const TemporaryFolder parent;
  const RunFolder teacher = trained(parent / "teacher");
  const Overrides overrides{"quant.method=ste", "quant.bits=4", "distill.loss=kl",
                            "distill.label_weight=0.5",
                            "distill.teacher=" + teacher.path().string()};
  const RunFolder whole = RunFolder::create_at(parent / "whole");
  Run(small_experiment(overrides)).train(whole, [] { return false; });
  const RunFolder parts = RunFolder::create_at(parent / "parts");
  int step = 0;
  Run(small_experiment(overrides)).train(parts, [&] { return ++step == 5; });
  Run(small_experiment(overrides), parts).train(parts, [] { return false; });
  CHECK(read_bytes(parts.last()) == read_bytes(whole.last()));
}

TEST_CASE("teacher errors: missing, of another shape or model, or with another normalization") {
  const TemporaryFolder parent;
  CHECK(error_of(parent / "nowhere") == "distill.teacher " + (parent / "nowhere").string() +
                                            ": expected a run folder or a .safetensors checkpoint, "
                                            "got a path that does not exist");
  CHECK(error_of(parent.path()).ends_with("got a folder without config.toml"));

  const ExperimentConfig config = small_experiment();
  const auto seven = datasets::memory_dataset(
      {.shape = {3, 32, 32}, .class_names = {"a", "b", "c", "d", "e", "f", "g"}});
  const auto network = build_network(config, seven->format());
  write_safetensors(parent / "seven.safetensors", train::network_state(*network, "binarynet"));
  const std::string shapes = error_of(parent / "seven.safetensors");
  CHECK(shapes.find("expected a teacher for images [3, 32, 32] in 10 classes") !=
        std::string::npos);
  CHECK(shapes.find("weight is f32 [7, 64] and should be f32 [10, 64]") != std::string::npos);

  write_safetensors(parent / "other.safetensors", train::network_state(*network, "resnet8"));
  CHECK(error_of(parent / "other.safetensors").find("got one of resnet8") != std::string::npos);

  const RunFolder folder = trained(parent / "teacher");
  CHECK(
      error_of(folder.path(), {"data.mean=[1,2,3]"})
          .ends_with("normalized like the student's, with data.mean [1, 2, 3] and data.std [127.5, "
                     "127.5, 127.5], got one with [127.5, 127.5, 127.5] and [127.5, 127.5, "
                     "127.5]"));
}

TEST_CASE("teacher errors: other classes, even if their number is the same") {
  const TemporaryFolder parent;
  const RunFolder folder = trained(parent / "teacher");
  const auto names = load_data(small_experiment()).train->class_names();
  write_class_names(folder.classes(), names);
  CHECK(error_of(folder.path()) == "no error");

  auto others = names;
  others[7] = "horse";
  write_class_names(folder.classes(), others);
  const std::string expected =
      "expected a teacher of the student's classes, of synthetic, got one of "
      "synthetic: class 7 is 'horse' and should be '" +
      names[7] + "'";
  CHECK(error_of(folder.path()).ends_with(expected));
  // The run folder identifies its checkpoints.
  CHECK(error_of(folder.last()).ends_with(expected));
  std::filesystem::copy(folder.last(), parent / "alone.safetensors");
  CHECK(error_of(parent / "alone.safetensors") == "no error");

  write_class_names(folder.classes(), {names.begin(), names.end() - 1});
  CHECK(error_of(folder.path()).find("class 9 is missing and should be") != std::string::npos);

  // A run without class names must use the same data set.
  std::filesystem::remove(folder.classes());
  CHECK(error_of(folder.path()) == "no error");
  std::string config = read_bytes(folder.config());
  config.replace(config.find("\"synthetic\""), 11, "\"cifar10\"");
  write_text(folder.config(), config);
  CHECK(
      error_of(folder.path())
          .ends_with("expected a teacher of the student's data set synthetic, got one of cifar10"));
}

TEST_CASE("teacher: logits that are not finite stop the student") {
  const TemporaryFolder parent;
  const ExperimentConfig config = small_experiment();
  const Data data = load_data(config);
  const auto network = build_network(config, data.train->format());
  // Finite, as required of a checkpoint, but so large that their sums are not.
  for (const layers::Parameter& parameter : network->parameters()) {
    Tensor weight = parameter.value.value();
    if (parameter.kind == layers::ParameterKind::weight)
      std::ranges::fill(weight.span(), std::numeric_limits<float>::max());
  }
  write_safetensors(parent / "broken.safetensors", train::network_state(*network, "binarynet"));
  Teacher teacher(parent / "broken.safetensors", config, *data.train);
  CHECK_THROWS_WITH_AS(teacher.logits(first_batch(config, data).images),
                       doctest::Contains("logits contain NaN or infinity"), std::runtime_error);
}

}  // namespace
}  // namespace quench::experiments
