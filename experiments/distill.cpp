#include "experiments/distill.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "autograd/arithmetic.h"
#include "core/ops/reduce.h"
#include "core/safetensors.h"
#include "experiments/experiment.h"
#include "experiments/runs/checkpoint.h"
#include "experiments/runs/class_names.h"
#include "support/error.h"

namespace quench::experiments {
namespace {

namespace fs = std::filesystem;

void check_normalization(const DataConfig& teacher, const DataConfig& student,
                         const std::string& path) {
  require(
      teacher.mean == student.mean && teacher.std == student.std,
      "distill.teacher {}: expected a teacher whose images are normalized like the student's, with "
      "data.mean [{}] and data.std [{}], got one with [{}] and [{}]",
      path, fmt::join(student.mean, ", "), fmt::join(student.std, ", "),
      fmt::join(teacher.mean, ", "), fmt::join(teacher.std, ", "));
}

/// The run's class names must be the student's, in the same order, because they index the logits. A
/// run without class names must use the same data set.
void check_classes(const fs::path& run, const DataConfig& teacher, const ExperimentConfig& student,
                   const datasets::Dataset& images) {
  const fs::path file = run / "classes.txt";
  if (!fs::exists(file)) {
    require(teacher.name == student.data.name,
            "distill.teacher {}: expected a teacher of the student's data set {}, got one of {}",
            run.string(), student.data.name, teacher.name);
    return;
  }
  // In the file's form: a name in a line cannot contain a line end.
  const auto expected = class_names_from_text(class_names_text(images.class_names()), "");
  const auto found = read_class_names(file);
  const auto [wanted, got] = std::ranges::mismatch(expected, found);
  require(wanted == expected.end() && got == found.end(),
          "distill.teacher {}: expected a teacher of the student's classes, of {}, got one of {}: "
          "class {} is {} and should be {}",
          run.string(), student.data.name, teacher.name, wanted - expected.begin(),
          got == found.end() ? "missing" : "'" + *got + "'",
          wanted == expected.end() ? "absent" : "'" + *wanted + "'");
}

/// Checks what a teacher must have in common with its student. `run` is its folder.
ExperimentConfig checked_config(const fs::path& run, const ExperimentConfig& student,
                                const datasets::Dataset& images) {
  // Read without locking the folder: several students may use one teacher at a time.
  ExperimentConfig config = load_experiment(run / "config.toml");
  check_normalization(config.data, student.data, run.string());
  check_classes(run, config.data, student, images);
  return config;
}

std::unique_ptr<layers::Module> network_of_run(const fs::path& run, const ExperimentConfig& student,
                                               const datasets::Dataset& images) {
  const ExperimentConfig config = checked_config(run, student, images);
  auto network = build_network(config, images.format());
  const fs::path checkpoint = run / "last.safetensors";
  train::load_network(*network, config.model.name, read_safetensors(checkpoint), checkpoint);
  return network;
}

std::unique_ptr<layers::Module> network_of_checkpoint(const fs::path& path,
                                                      const ExperimentConfig& student,
                                                      const datasets::Dataset& images) {
  const fs::path run = fs::absolute(path).parent_path();
  if (fs::exists(run / "config.toml")) checked_config(run, student, images);
  ExperimentConfig config = student;
  config.quant = {};
  auto network = build_network(config, images.format());
  load_weights(*network, config.model.name, path);
  return network;
}

std::unique_ptr<layers::Module> load_teacher(const fs::path& path, const ExperimentConfig& student,
                                             const datasets::Dataset& images) {
  if (!fs::is_regular_file(path) && !fs::exists(path / "config.toml")) {
    fail("distill.teacher {}: expected a run folder or a .safetensors checkpoint, got {}",
         path.string(),
         fs::exists(path) ? "a folder without config.toml" : "a path that does not exist");
  }
  try {
    return fs::is_regular_file(path) ? network_of_checkpoint(path, student, images)
                                     : network_of_run(path, student, images);
  } catch (const std::runtime_error& error) {
    // Weights that do not fit reveal a network for other data; the message names them.
    const datasets::ImageShape shape = images.image_shape();
    fail("distill.teacher {}: expected a teacher for images [{}, {}, {}] in {} classes, got {}",
         path.string(), shape.channels, shape.height, shape.width, images.num_classes(),
         error.what());
  }
}

}  // namespace

Teacher::Teacher(const fs::path& path, const ExperimentConfig& student,
                 const datasets::Dataset& images)
    : path_(path.string()), network_(load_teacher(path, student, images)) {
  network_->set_training(false);
  network_->set_quantizer_mode(quant::Mode::evaluation);
}

Tensor Teacher::logits(const Tensor& images) {
  const NoGradGuard no_grad;
  Tensor result = (*network_)(Variable(images)).value();
  if (!all_finite(result)) fail("distill.teacher {}: its logits contain NaN or infinity", path_);
  return result;
}

DistilledLoss::DistilledLoss(const ExperimentConfig& student, const datasets::Dataset& images,
                             layers::Loss label_loss)
    : teacher_(student.distill.teacher, student, images),
      distance_(layers::make_distillation_loss(
          {.name = student.distill.loss,
           .temperature = static_cast<float>(student.distill.temperature)})),
      label_loss_(std::move(label_loss)),
      label_weight_(static_cast<float>(student.distill.label_weight)) {}

Variable DistilledLoss::operator()(const Variable& logits, const datasets::Batch& batch) {
  if (label_weight_ == 1.0f) return label_loss_(logits, batch.labels);
  Variable distance = distance_(logits, teacher_.logits(batch.images));
  if (label_weight_ == 0.0f) return distance;
  return add(multiply_scalar(label_loss_(logits, batch.labels), label_weight_),
             multiply_scalar(distance, 1.0f - label_weight_));
}

}  // namespace quench::experiments
