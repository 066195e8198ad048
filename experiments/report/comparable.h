#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "experiments/report/report.h"

namespace quench::train::report {

/// How well a run classifies the images that it is judged by, in percent.
struct RunAccuracy {
  double quantized = 0.0;   ///< of the network as it is; that of a float network, too
  double floating = 0.0;    ///< underneath, or before `quench quantize`
  std::int64_t images = 0;  ///< that this is measured on; 0: unknown
};
/// After the last epoch; of a run that has none, by `quench quantize`, or of an imported network as
/// measured for this page. None where nothing is known yet, or no number.
std::optional<RunAccuracy> accuracy_of(const RunReport& run);

/// Whether a run quantizes more than the image that it reads.
bool is_quantized(const RunReport& run);

/// That its weights were trained on, here or where they come from; 0: unknown.
std::int64_t training_images(const RunReport& run);

/// "1,000 test images of synthetic, 512 to train with", as far as it is known.
std::string evaluation_text(const RunReport& run);

/// Differences of two runs that affect accuracy, other than the network and its training:
/// "the data set", "the images they are judged by", "the number of training images". None: which is
/// better can be said. Unknown properties are no obstacle.
std::vector<std::string> obstacles(const RunReport& a, const RunReport& b);

/// Groups of runs that can be compared with each other, in the order of their first runs.
std::vector<std::vector<const RunReport*>> comparable_groups(std::span<const RunReport> runs);

/// Two networks shown the same images.
struct PairedImages {
  std::int64_t images = 0;
  std::int64_t only_a = 0;  ///< that the first alone gets right
  std::int64_t only_b = 0;
};
/// None where the images differ, or are not at hand. Those of the drawn data set differ by the seed.
std::optional<PairedImages> paired_images(const RunReport& a, const RunReport& b);

}  // namespace quench::train::report
