#include "ptq/calibrator.h"

#include <algorithm>
#include <limits>

#include "core/communicator.h"
#include "core/parallel.h"
#include "quant/statistics/batch_statistics.h"
#include "support/error.h"

namespace quench::ptq {

void Calibrator::observe(std::span<const float> x) {
  require(!x.empty(), "{}: calibration expected at least one value in a batch, got none", slot_);
  const quant::Extent batch = quant::batch_extent(x);
  require(batch.finite, "{}: calibration expected finite values, got NaN or infinity", slot_);
  reach_ = quant::merge(reach_, batch);
  observed_ = true;
  add(x, batch);
}

quant::ValueRange Calibrator::range() const {
  require(observed_, "{}: calibration expected at least 1 batch, got 0", slot_);
  // Values below the smallest scale are 0 on every grid.
  if (reach_.max_abs < std::numeric_limits<float>::min()) return {};
  return choose();
}

std::vector<quant::ValueRange> calibrate_weight(const Tensor& weight, bool per_channel,
                                                CalibratorOptions options) {
  options.keep_values = true;
  const std::size_t slices = quant::finite_extents(weight, per_channel, options.slot).size();
  const std::size_t size = static_cast<std::size_t>(weight.numel()) / slices;
  std::vector<std::unique_ptr<Calibrator>> calibrators(slices);
  for (auto& calibrator : calibrators) calibrator = make_calibrator(options);
  std::vector<quant::ValueRange> ranges(slices);
  const std::span<const float> values = weight.span();
  // The values have been checked to be finite, so nothing here throws.
  parallel_for(static_cast<std::int64_t>(slices), 1, [&](std::int64_t begin, std::int64_t end) {
    const CommunicatorScope alone;  // every rank has the whole weight
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      calibrators[i]->observe(values.subspan(i * size, size));
      ranges[i] = calibrators[i]->range();
      calibrators[i].reset();  // it holds a copy of the values
    }
  });
  return ranges;
}

}  // namespace quench::ptq
