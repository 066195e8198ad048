#include <algorithm>
#include <array>
#include <cmath>

#include "core/communicator.h"
#include "ptq/calibrator.h"
#include "ptq/histogram.h"
#include "ptq/thresholds.h"
#include "quant/parts/range_average.h"
#include "support/error.h"
#include "support/suggest.h"

namespace quench::ptq {
namespace {

/// Converts a threshold t for |x| to a range: the side of `reach` further from 0 becomes t, the
/// other is clipped to t.
quant::ValueRange clipped_range(const quant::Extent& reach, double threshold) {
  const double low = double{reach.min}, high = double{reach.max};
  if (-low > high) return {-threshold, std::min(high, threshold)};
  return {std::max(low, -threshold), threshold};
}

/// The extrema of all batches.
class MinMaxCalibrator final : public Calibrator {
 public:
  explicit MinMaxCalibrator(const CalibratorOptions& options) : Calibrator(options.slot) {}

 protected:
  void add(std::span<const float>, const quant::Extent&) override {}
  quant::ValueRange choose() const override { return quant::range_of(reach()); }
};

/// The exponential average of the batches' extrema, starting with the first batch; batches of zeros
/// are skipped.
class MovingAverageCalibrator final : public Calibrator {
 public:
  explicit MovingAverageCalibrator(const CalibratorOptions& options)
      : Calibrator(options.slot), average_(options.momentum) {}

 protected:
  void add(std::span<const float>, const quant::Extent& batch) override {
    average_.add(quant::range_of(batch));
  }
  quant::ValueRange choose() const override { return average_.value(); }

 private:
  quant::RangeAverage average_;
};

class ThreeSdCalibrator final : public Calibrator {
 public:
  explicit ThreeSdCalibrator(const CalibratorOptions& options) : Calibrator(options.slot) {}

 protected:
  void add(std::span<const float> x, const quant::Extent&) override {
    const quant::Sums own = quant::sums(x);
    std::array batch{static_cast<double>(x.size()), own.values, own.squares};
    communicator().sum(batch);
    count_ += batch[0];
    sum_ += batch[1];
    sum_of_squares_ += batch[2];
  }
  quant::ValueRange choose() const override {
    return clipped_range(reach(), three_sd_threshold(count_, sum_, sum_of_squares_));
  }

 private:
  double count_ = 0.0, sum_ = 0.0, sum_of_squares_ = 0.0;
};

/// All values, or a histogram of their magnitudes; the thresholds are those of ptq/thresholds.h.
class DistributionCalibrator : public Calibrator {
 public:
  explicit DistributionCalibrator(const CalibratorOptions& options)
      : DistributionCalibrator(options, options.keep_values) {}

 protected:
  DistributionCalibrator(const CalibratorOptions& options, bool keep_values)
      : Calibrator(options.slot),
        options_(options),
        keep_values_(keep_values),
        histogram_(options.bins) {}

  void add(std::span<const float> x, const quant::Extent& batch) override {
    count_ += sum_over_ranks(static_cast<double>(x.size()));
    if (keep_values_) {
      values_.insert(values_.end(), x.begin(), x.end());
    } else {
      histogram_.add(x, batch.max_abs);
    }
  }
  quant::ValueRange choose() const override { return clipped_range(reach(), threshold()); }
  virtual double threshold() const = 0;

  bool exact() const { return keep_values_; }
  bool has_negative() const { return reach().min < 0.0f; }
  double count() const { return count_; }
  std::span<const float> values() const { return values_; }
  const MagnitudeHistogram& histogram() const { return histogram_; }
  const CalibratorOptions& options() const { return options_; }

 private:
  CalibratorOptions options_;
  bool keep_values_;
  double count_ = 0.0;
  std::vector<float> values_;
  MagnitudeHistogram histogram_;
};

class PercentileCalibrator final : public DistributionCalibrator {
 public:
  using DistributionCalibrator::DistributionCalibrator;

 protected:
  double threshold() const override {
    const double percentile = options().percentile, largest = double{reach().max_abs};
    const double chosen =
        exact() ? percentile_threshold(values(), percentile)
                : percentile_threshold(histogram().counts(), histogram().width(), percentile);
    // If most values are 0, the percentile may be 0 too, which is not a usable range.
    return chosen > 0.0 ? std::min(chosen, largest) : largest;
  }
};

class MseCalibrator final : public DistributionCalibrator {
 public:
  using DistributionCalibrator::DistributionCalibrator;

 protected:
  double threshold() const override {
    const double largest = double{reach().max_abs};
    if (exact()) return mse_threshold(values(), {}, largest, grid()).threshold;
    const std::span<const double> counts = histogram().counts();
    std::vector<float> centres(counts.size());
    for (std::size_t i = 0; i < centres.size(); ++i) {
      centres[i] = static_cast<float>((static_cast<double>(i) + 0.5) * histogram().width());
    }
    return mse_threshold(centres, counts, largest, grid()).threshold;
  }

 private:
  quant::QuantGrid grid() const {
    if (!has_negative()) return quant::unsigned_grid(options().bits);
    return options().bits == 1 ? quant::binary_grid() : quant::signed_narrow_grid(options().bits);
  }
};

/// The number of codes for |x| in a divergence search: a signed grid spends one bit on the sign.
int levels(int bits, bool has_negative) { return 1 << (has_negative ? bits - 1 : bits); }

class KlCalibrator final : public DistributionCalibrator {
 public:
  /// Always uses a histogram: the method is defined on its bins.
  explicit KlCalibrator(const CalibratorOptions& options)
      : DistributionCalibrator(options, false) {}

 protected:
  double threshold() const override {
    std::vector<double> counts(histogram().counts().begin(), histogram().counts().end());
    // The zeros after a ReLU, exact on every grid, would dominate: groups of several bins spread
    // them, and the search would end at the smallest threshold. Therefore, as in
    // pytorch-quantization (NVIDIA), the first bin gets the count of the second.
    if (counts.size() > 1) counts[0] = counts[1];
    return kl_threshold(counts, histogram().width(), levels(options().bits, has_negative()),
                        EqualThresholds::largest)
        .threshold;
  }
};

class KlJCalibrator final : public DistributionCalibrator {
 public:
  using DistributionCalibrator::DistributionCalibrator;

 protected:
  double threshold() const override {
    const int n = levels(options().bits, has_negative());
    const double wanted = std::ceil(std::sqrt(count()));
    if (exact()) {
      MagnitudeHistogram whole(static_cast<int>(wanted));
      whole.add(values(), reach().max_abs);
      return kl_j_threshold(whole.counts(), whole.width(), n).threshold;
    }
    const std::span<const double> counts = histogram().counts();
    const double reached = static_cast<double>(counts.size()) * histogram().width();
    // No finer than the initial histogram: the cost grows with the square of the bins.
    const auto bins =
        static_cast<std::size_t>(std::min(wanted, static_cast<double>(options().bins)));
    return kl_j_threshold(resample_counts(counts, bins), reached / static_cast<double>(bins), n)
        .threshold;
  }
};

/// Keeps all values, or histograms of the positive and the negative ones.
class LpRangeCalibrator final : public Calibrator {
 public:
  explicit LpRangeCalibrator(const CalibratorOptions& options)
      : Calibrator(options.slot),
        bits_(options.bits),
        keep_values_(options.keep_values),
        positive_(options.bins),
        negative_(options.bins) {}

 protected:
  void add(std::span<const float> x, const quant::Extent& batch) override {
    if (keep_values_) {
      values_.insert(values_.end(), x.begin(), x.end());
      return;
    }
    std::vector<float> above, below;
    for (const float v : x) (v < 0.0f ? below : above).push_back(v);
    positive_.add(above, batch.max);
    negative_.add(below, -batch.min);
  }
  quant::ValueRange choose() const override {
    const quant::ValueRange all = quant::range_of(reach());
    if (keep_values_) return lp_range(values_, {}, all, bits_).range;
    std::vector<float> centres;
    std::vector<double> counts;
    add_bins(positive_, 1.0, centres, counts);
    add_bins(negative_, -1.0, centres, counts);
    return lp_range(centres, counts, all, bits_).range;
  }

 private:
  static void add_bins(const MagnitudeHistogram& histogram, double sign,
                       std::vector<float>& centres, std::vector<double>& counts) {
    for (std::size_t i = 0; i < histogram.counts().size(); ++i) {
      if (histogram.counts()[i] == 0.0) continue;
      centres.push_back(
          static_cast<float>(sign * (static_cast<double>(i) + 0.5) * histogram.width()));
      counts.push_back(histogram.counts()[i]);
    }
  }

  int bits_;
  bool keep_values_;
  std::vector<float> values_;
  MagnitudeHistogram positive_, negative_;
};

template <typename C>
std::unique_ptr<Calibrator> make(const CalibratorOptions& options) {
  return std::make_unique<C>(options);
}

struct Method {
  const char* name;
  const char* summary;
  const char* paper;
  std::unique_ptr<Calibrator> (*make)(const CalibratorOptions&);
};

constexpr std::array kMethods{
    Method{"minmax", "smallest and largest value", "", make<MinMaxCalibrator>},
    Method{"moving_average", "exponential average of each batch's extrema", "",
           make<MovingAverageCalibrator>},
    Method{"percentile", "percentile of |x|", "", make<PercentileCalibrator>},
    Method{"mse", "smallest mean squared quantization error of 100 thresholds", "",
           make<MseCalibrator>},
    Method{"lp_range", "smallest mean |error|^2.4 of 80 ranges, also of unequal ends",
           "Li et al. 2021 (BRECQ)", make<LpRangeCalibrator>},
    Method{"kl", "smallest KL divergence of histograms", "Migacz 2017 (TensorRT)",
           make<KlCalibrator>},
    Method{"kl_j", "smallest symmetric KL divergence of cumulative distributions",
           "Settle et al. 2018 (Graffitist)", make<KlJCalibrator>},
    Method{"3sd", "|mean| + 3 standard deviations", "Graffitist", make<ThreeSdCalibrator>},
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

}  // namespace quench::ptq
