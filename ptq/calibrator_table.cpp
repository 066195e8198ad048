#include <algorithm>
#include <array>

#include "ptq/calibrators.h"
#include "support/error.h"
#include "support/suggest.h"

namespace quench::quant {
namespace {

struct Method {
  const char* name;
  const char* summary;
  const char* paper;
  std::unique_ptr<Calibrator> (*make)(const CalibratorOptions&);
};

constexpr std::array kMethods{
    Method{"minmax", "smallest and largest value", "", make_minmax},
    Method{"moving_average", "exponential average of each batch's extrema", "",
           make_moving_average},
    Method{"percentile", "percentile of |x|", "", make_percentile},
    Method{"mse", "smallest mean squared quantization error of 100 thresholds", "", make_mse},
    Method{"kl", "smallest KL divergence of histograms", "Migacz 2017 (TensorRT)", make_kl},
    Method{"kl_j", "smallest symmetric KL divergence of cumulative distributions",
           "Settle et al. 2018 (Graffitist)", make_kl_j},
    Method{"3sd", "|mean| + 3 standard deviations", "Graffitist", make_three_sd},
};

std::vector<std::string> names() {
  std::vector<std::string> result;
  for (const Method& method : kMethods) result.emplace_back(method.name);
  return result;
}

}  // namespace

std::vector<CalibratorInfo> registered_calibrators() {
  std::vector<CalibratorInfo> result;
  for (const Method& method : kMethods) {
    result.push_back({method.name, method.summary, method.paper});
  }
  return result;
}

CalibratorOptions read_calibrator_options(const Settings& settings,
                                          const CalibratorOptions& defaults) {
  CalibratorOptions options = defaults;
  options.method = settings.choice("method", defaults.method, names());
  options.percentile = settings.number("percentile", defaults.percentile, above(0.0, 100.0));
  options.momentum = settings.number("momentum", defaults.momentum, {0.0, 1.0});
  options.bins = static_cast<int>(settings.integer("bins", defaults.bins, {1, 65536}));
  return options;
}

std::unique_ptr<Calibrator> make_calibrator(const CalibratorOptions& options) {
  const std::string& slot = options.slot;
  const auto found = std::ranges::find(kMethods, options.method,
                                       [](const Method& m) { return std::string_view(m.name); });
  require(found != kMethods.end(), "{}: unknown calibrator '{}'{}", slot, options.method,
          suggestion(options.method, names()));
  require(options.bits >= 1 && options.bits <= 8, "{}: calibration expected bits in 1..8, got {}",
          slot, options.bits);
  require(options.percentile > 0.0 && options.percentile <= 100.0,
          "{}: calibration expected percentile in (0, 100], got {}", slot, options.percentile);
  require(options.momentum >= 0.0 && options.momentum <= 1.0,
          "{}: calibration expected momentum in [0, 1], got {}", slot, options.momentum);
  require(options.bins >= 1 && options.bins <= 65536,
          "{}: calibration expected bins in 1..65536, got {}", slot, options.bins);
  return found->make(options);
}

}  // namespace quench::quant
