#pragma once

#include <cstdint>
#include <vector>

#include "datasets/loader.h"
#include "layers/module.h"

namespace quench::experiments::report {

/// How often images of each class were predicted as each class.
class ConfusionMatrix {
 public:
  /// @throws std::invalid_argument  unless classes >= 1
  explicit ConfusionMatrix(int classes);
  /// @throws std::invalid_argument  for a label or prediction that is not a class
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
  /// The `most` pairs of classes confused most often, at least once each.
  std::vector<Confused> most_confused(std::size_t most) const;

 private:
  std::size_t at(int label, int predicted) const;

  int classes_;
  std::vector<std::int64_t> counts_;  // [label][predicted]
};

/// An image that a network misclassified.
struct Mistake {
  std::int64_t image = 0;  ///< position in the loader's data set
  int label = 0;
  int predicted = 0;
  double probability = 0.0;  ///< of the predicted class, by softmax
};

/// The result of a pass over images.
struct Classification {
  ConfusionMatrix confusion;
  std::vector<Mistake> mistakes;  ///< most confident first
  std::vector<int> labels;        ///< of all images, in order
  std::vector<bool> right;        ///< whether each was predicted correctly
};

/// Classifies all of `images` in order with the network, which must be in evaluation mode, and
/// keeps the `most_mistakes` most confident mistakes. NaN logits count as the first class.
Classification classify(layers::Module& network, datasets::Loader& images, int classes,
                        std::size_t most_mistakes);

}  // namespace quench::experiments::report
