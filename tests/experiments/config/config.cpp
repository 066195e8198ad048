#include "experiments/config/config.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "temporary_folder.h"

using namespace quench;
using namespace quench::experiments;

namespace {

Settings settings_with(const char* section, const char* key, SettingsValue value) {
  return Settings::from({{"model", Settings::from({{"name", "binarynet"}})},
                         {section, Settings::from({{key, std::move(value)}})}});
}

std::string error_for(const char* section, const char* key, SettingsValue value) {
  try {
    read_experiment(settings_with(section, key, std::move(value)), "test");
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("load_experiment: sections fill their fields, the rest keeps its defaults") {
  const TemporaryFolder folder;
  const std::string path = (folder / "quick.toml").string();
  std::ofstream(path) << R"(
[model]
name = "binarynet"
width = 0.5
[data]
validation_size = 100
crop_padding = 4
[optimizer]
name = "sgd"
lr = 0.1
[schedule]
name = "step"
milestones = [3, 5]
[train]
epochs = 7
batch_size = 50
seed = 42
[quant]
method = "lsq"
)";
  const ExperimentConfig config = load_experiment(path, {"train.batch_size=64"});
  CHECK(config.name == "quick");
  const std::filesystem::path run = std::filesystem::path(path).parent_path() / "run-7";
  std::filesystem::create_directory(run);
  std::filesystem::copy_file(path, run / "config.toml");
  CHECK(load_experiment(run / "config.toml").name == "run-7");
  CHECK(config.model.name == "binarynet");
  CHECK(config.model.settings.number("width", 1.0) == 0.5);
  CHECK(config.data.validation_size == 100);
  CHECK(config.data.crop_padding == 4);
  CHECK(config.data.mean.size() == 3);
  CHECK(config.optimizer.name == "sgd");
  CHECK(config.optimizer.lr == 0.1);
  CHECK(config.optimizer.momentum == 0.9);
  CHECK(config.schedule.milestones == std::vector<std::int64_t>{3, 5});
  CHECK(config.train.epochs == 7);
  CHECK(config.train.batch_size == 64);
  CHECK(config.train.seed == 42);
  CHECK(config.quant.settings.text("method") == "lsq");
}

TEST_CASE("load_experiment: the resolved config repeats the experiment") {
  const TemporaryFolder folder;
  std::ofstream(folder / "a.toml") << "[model]\nname = \"binarynet\"\nwidth = 2\n";
  const ExperimentConfig config = load_experiment(folder / "a.toml", {"optimizer.lr=0.3"});
  std::ofstream(folder / "b.toml") << config.resolved();
  const ExperimentConfig again = load_experiment(folder / "b.toml");
  CHECK(again.resolved() == config.resolved());
  CHECK(again.optimizer.lr == 0.3);
  CHECK(config.resolved().find("epochs = ") != std::string::npos);
}

TEST_CASE("read_experiment: quant.method = float removes all other rules of [quant]") {
  const Settings settings = Settings::from(
      {{"model", Settings::from({{"name", "binarynet"}})},
       {"quant", Settings::from({{"method", "float"},
                                 {"fold_batch_norm", true},
                                 {"first_layer", Settings::from({{"method", "affine"}})}})}});
  const ExperimentConfig config = read_experiment(settings, "test");
  CHECK(config.quant.settings.keys() == std::vector<std::string>{"method"});
  CHECK(config.quant.settings.text("method") == "none");
  CHECK(config.resolved().find("first_layer") == std::string::npos);
}

TEST_CASE("read_experiment: values out of range and unknown names are errors") {
  CHECK(error_for("optimizer", "lr", -0.5) ==
        "<settings>: optimizer.lr: expected a number >= 0, got -0.5");
  CHECK(error_for("train", "batch_size", 0) ==
        "<settings>: train.batch_size: expected an integer >= 1, got 0");
  CHECK(error_for("train", "epochs", -1) ==
        "<settings>: train.epochs: expected an integer in 1..1000000, got -1");
  CHECK(error_for("train", "label_smoothing", 1.0) ==
        "<settings>: train.label_smoothing: expected a number >= 0 and < 1, got 1.0");
  CHECK(error_for("data", "std", std::vector<double>{1.0}) ==
        "<settings>: data.std: expected 3 numbers, one per channel of synthetic, got [1.0]");
  CHECK(error_for("data", "mean", std::vector<double>{1.0, 2.0}) ==
        "<settings>: data.mean: expected 3 numbers, one per channel of synthetic, got [1.0, 2.0]");
  CHECK(error_for("optimizer", "lr", 1e300) ==
        "<settings>: optimizer.lr: expected a number that float32 holds, got 1e+300");
  CHECK(error_for("model", "width", 1.0) ==
        "<settings>: model.name: expected the name of a network (quench list models), or "
        "model.onnx = \"FILE\" for one of your own, got nothing (the key is missing)");
  CHECK(error_for("schedule", "final_lr", 0.5) ==
        "<settings>: schedule.final_lr: expected a number in 0..0.001, which is optimizer.lr, got "
        "0.5");
  CHECK(
      error_for("optimizer", "train", std::vector<std::string>{"weight", "thresholds"}) ==
      "<settings>: optimizer.train: expected a list of kinds of parameters, some of weight, bias, "
      "norm, quantizer, got [\"weight\", \"thresholds\"]");
  CHECK(error_for("optimizer", "train", std::vector<std::string>{}).find("got []") !=
        std::string::npos);
  CHECK(error_for("train", "bn_freeze_epoch", -2) ==
        "<settings>: train.bn_freeze_epoch: expected an integer in -1..1000000, got -2");
  CHECK(error_for("train", "gradient_bits", 9) ==
        "<settings>: train.gradient_bits: expected an integer in 0..8, got 9");
  CHECK(error_for("schedule", "restart_steps", 0) ==
        "<settings>: schedule.restart_steps: expected an integer >= 1, got 0");
  CHECK(error_for("optimizer", "name", "adma").find("did you mean \"adam\"?") != std::string::npos);
  CHECK(error_for("model", "name", "binaryent").find("did you mean \"binarynet\"?") !=
        std::string::npos);
  CHECK(error_for("train", "epoch", 3).find("did you mean 'epochs'?") != std::string::npos);
  CHECK(error_for("optimiser", "lr", 0.1).find("did you mean 'optimizer'?") != std::string::npos);
}

TEST_CASE("read_experiment: [distill] names a teacher; without the table, none is used") {
  const ExperimentConfig none =
      read_experiment(Settings::from({{"model", Settings::from({{"name", "binarynet"}})}}), "test");
  CHECK(none.distill.teacher.empty());
  CHECK(none.resolved().find("distill") == std::string::npos);

  const DistillConfig distill =
      read_experiment(settings_with("distill", "teacher", "runs/float-1"), "test").distill;
  CHECK(distill.teacher == "runs/float-1");
  CHECK(distill.loss == "rmse");
  CHECK(distill.temperature == 4.0);
  CHECK(distill.label_weight == 0.0);

  const auto error_with_teacher = [](const char* key, SettingsValue value) -> std::string {
    Settings settings = settings_with("distill", "teacher", "runs/float-1");
    settings.table("distill").set(key, std::move(value));
    try {
      read_experiment(settings, "test");
    } catch (const std::invalid_argument& error) {
      return error.what();
    }
    return "no error";
  };
  CHECK(error_for("distill", "loss", "kl").find("distill.teacher: expected") != std::string::npos);
  CHECK(error_with_teacher("loss", "rsme").find("did you mean \"rmse\"?") != std::string::npos);
  CHECK(error_with_teacher("temperature", 0.0) ==
        "<settings>: distill.temperature: expected a number > 0, got 0.0");
  CHECK(error_with_teacher("label_weight", 1.5) ==
        "<settings>: distill.label_weight: expected a number in 0..1, got 1.5");
}

TEST_CASE("resolved_with_absolute_paths: a run's files are found from any folder") {
  const auto resolved = [](const char* table, const char* key, const char* value) {
    return read_experiment(settings_with(table, key, value), "test").resolved_with_absolute_paths();
  };
  const std::string here = std::filesystem::current_path().string();
  CHECK(resolved("data", "dir", "photos").find("dir = \"" + here + "/photos\"") !=
        std::string::npos);
  CHECK(resolved("data", "dir", "/photos").find("dir = \"/photos\"") != std::string::npos);
  CHECK(resolved("train", "init_from", "../a").find("/../") == std::string::npos);
  const std::string teacher = resolved("distill", "teacher", "runs/float-1");
  CHECK(teacher.find("teacher = \"" + here + "/runs/float-1\"") != std::string::npos);
  CHECK(teacher.find("init_from = \"\"") != std::string::npos);  // an absent path stays absent
  CHECK(teacher.find("dir = \"" + here + "/data\"") != std::string::npos);  // the default too
}

TEST_CASE("read_experiment: keys of model and quant are left to their readers") {
  const ExperimentConfig config = read_experiment(settings_with("quant", "bitz", 3), "test");
  CHECK_THROWS_AS(config.quant.settings.finish(), std::invalid_argument);
}
