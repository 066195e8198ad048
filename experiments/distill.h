#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "datasets/dataset.h"
#include "datasets/loader.h"
#include "experiments/config/config.h"
#include "layers/loss.h"
#include "layers/module.h"

namespace quench::train {

/// A trained network whose logits another one learns to give. It evaluates as it is, on running
/// batch-norm statistics and, if it has quantizers, on their grids; it is never changed.
class Teacher {
 public:
  /// @param path     a run folder, whose config builds the network that its last checkpoint fills;
  ///                 or a checkpoint, which fills the student's own network without quantizers
  /// @param student  the experiment that learns from it
  /// @param images   what the student is trained on: gives the shape of images and classes
  /// @throws std::runtime_error     if `path` is neither, or its network is of another model or
  ///                                was made for other images or another number of classes
  /// @throws std::invalid_argument  if the folder's config (or, of a checkpoint in a run folder, that
  ///                                folder's) does not read, normalizes images in another way than the
  ///                                student's, or names other classes
  Teacher(const std::filesystem::path& path, const ExperimentConfig& student,
          const datasets::Dataset& images);

  /// [N, classes] for images [N, C, H, W]; off the tape.
  /// @throws std::runtime_error  if they hold NaN or infinity
  Tensor logits(const Tensor& images);

 private:
  std::string path_;                 // for messages
  std::shared_ptr<Module> network_;  // not changed, so copies may share it
};

/// The loss of a run with [distill]: label_weight * label loss + (1 - label_weight) * distance of
/// the logits from the teacher's. With a label_weight of 0 labels are not used at all.
class DistilledLoss {
 public:
  /// @throws  as Teacher() and make_distillation_loss()
  DistilledLoss(const ExperimentConfig& student, const datasets::Dataset& images, Loss label_loss);

  /// A BatchLoss. @param logits  the student's for the batch
  Variable operator()(const Variable& logits, const datasets::Batch& batch);

 private:
  Teacher teacher_;
  DistillationLoss distance_;
  Loss label_loss_;
  float label_weight_;
};

}  // namespace quench::train
