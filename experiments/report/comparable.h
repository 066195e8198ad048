#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "experiments/report/report.h"

namespace quench::experiments::report {

/// The accuracy of a run on its evaluation images, in percent.
struct RunAccuracy {
  double quantized = 0.0;   ///< of the network itself, float or quantized
  double floating = 0.0;    ///< of the float network underneath, or before `quench quantize`
  std::int64_t images = 0;  ///< images measured; 0: unknown
};
/// The accuracy after the last epoch; for runs without epochs, from `quench quantize`, or measured
/// for this page for an imported network. None if unknown or NaN.
std::optional<RunAccuracy> accuracy_of(const RunReport& run);

/// Whether a run quantizes anything besides the input image.
bool is_quantized(const RunReport& run);

/// The number of images that the weights were trained on, in this run or before; 0: unknown.
std::int64_t training_images(const RunReport& run);

/// "1,000 test images of synthetic, 512 for training", as far as known.
std::string evaluation_text(const RunReport& run);

/// Differences between two runs that affect accuracy, apart from the network and its training: "the
/// data set", "the evaluation images", "the number of training images". If empty, the two can be
/// ranked. Unknown properties do not count.
std::vector<std::string> obstacles(const RunReport& a, const RunReport& b);

/// Groups of comparable runs, in the order of their first runs.
std::vector<std::vector<const RunReport*>> comparable_groups(std::span<const RunReport> runs);

/// Results of two networks on the same images.
struct PairedImages {
  std::int64_t images = 0;
  std::int64_t only_a = 0;  ///< images that only the first network gets right
  std::int64_t only_b = 0;
};
/// None if the images differ or are unavailable. Those of the synthetic data set depend on the
/// seed.
std::optional<PairedImages> paired_images(const RunReport& a, const RunReport& b);

}  // namespace quench::experiments::report
