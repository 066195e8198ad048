#pragma once

#include <cstdint>
#include <vector>

#include "datasets/loader.h"
#include "layers/module.h"

namespace quench::train::report {

/// How often images of each class were taken for each class.
class ConfusionMatrix {
 public:
  /// @throws std::invalid_argument  unless classes >= 1
  explicit ConfusionMatrix(int classes);
  /// @throws std::invalid_argument  for a label or prediction that is no class
  void add(int label, int predicted);

  int classes() const { return classes_; }
  std::int64_t count(int label, int predicted) const;
  std::int64_t images(int label) const;  ///< of this class
  std::int64_t images() const;
  std::int64_t correct() const;

  struct Confused {
    int label = 0;
    int predicted = 0;
    std::int64_t count = 0;
    bool operator==(const Confused&) const = default;
  };
  /// The `most` pairs of different classes that were mixed up most often, at least once each.
  std::vector<Confused> most_confused(std::size_t most) const;

 private:
  std::size_t at(int label, int predicted) const;

  int classes_;
  std::vector<std::int64_t> counts_;  // [label][predicted]
};

/// An image that a network got wrong.
struct Mistake {
  std::int64_t image = 0;  ///< position in the loader's data set
  int label = 0;
  int predicted = 0;
  double probability = 0.0;  ///< of the wrong class, by softmax
};

/// What a pass over images gives.
struct Classification {
  ConfusionMatrix confusion;
  std::vector<Mistake> mistakes;  ///< the most certain ones first
  std::vector<int> labels;        ///< of all images, in order
  std::vector<bool> right;        ///< whether each was taken for its class
};

/// Shows the network, which has to be in evaluation, all of `images`, in order, and keeps the
/// `most_mistakes` that it is most certain of. A network whose logits are NaN takes the image for
/// the first class.
Classification classify(Module& network, datasets::Loader& images, int classes,
                        std::size_t most_mistakes);

}  // namespace quench::train::report
