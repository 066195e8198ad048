#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "datasets/dataset.h"
#include "datasets/loader.h"
#include "experiments/config/config.h"
#include "layers/loss.h"
#include "layers/module.h"

namespace quench::experiments {

/// A trained network whose logits a student learns. It evaluates with running batch-norm statistics
/// and, if it has quantizers, on their grids; it is never changed.
class Teacher {
 public:
  /// @param path     a run folder, whose config and last checkpoint define the network; or a
  ///                 checkpoint, which is loaded into the student's own network without quantizers
  /// @param student  the experiment that learns from it
  /// @param images   the student's training images, which define image shape and classes
  /// @throws std::runtime_error     if `path` is neither, or its network is of another model or for
  ///                                other images or another number of classes
  /// @throws std::invalid_argument  if the config of the folder (or of a checkpoint's run folder)
  ///                                cannot be read, normalizes images differently, or names other
  ///                                classes
  Teacher(const std::filesystem::path& path, const ExperimentConfig& student,
          const datasets::Dataset& images);

  /// Logits [N, classes] for images [N, C, H, W]; not on the tape.
  /// @throws std::runtime_error  if they contain NaN or infinity
  Tensor logits(const Tensor& images);

 private:
  std::string path_;                         // for messages
  std::shared_ptr<layers::Module> network_;  // never changed, so copies may share it
};

/// The loss of a run with [distill]: label_weight * label loss + (1 - label_weight) * distance from
/// the teacher's logits. With a label_weight of 0, labels are not used at all.
class DistilledLoss {
 public:
  /// @throws  as Teacher() and make_distillation_loss()
  DistilledLoss(const ExperimentConfig& student, const datasets::Dataset& images,
                layers::Loss label_loss);

  /// A BatchLoss. @param logits  the student's for the batch
  Variable operator()(const Variable& logits, const datasets::Batch& batch);

 private:
  Teacher teacher_;
  layers::DistillationLoss distance_;
  layers::Loss label_loss_;
  float label_weight_;
};

}  // namespace quench::experiments
