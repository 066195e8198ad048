#include "experiments/predict.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/ops/softmax.h"
#include "datasets/decoding/decode_image.h"
#include "datasets/resize.h"
#include "datasets/transform.h"
#include "experiments/experiment.h"
#include "support/error.h"

namespace quench::experiments {
namespace {

/// Luma of RGB pixels.
std::vector<std::uint8_t> grey(const std::vector<std::uint8_t>& rgb) {
  std::vector<std::uint8_t> result;
  for (std::size_t i = 0; i < rgb.size(); i += 3) {
    const double luma = 0.299 * rgb[i] + 0.587 * rgb[i + 1] + 0.114 * rgb[i + 2];
    result.push_back(static_cast<std::uint8_t>(std::lround(luma)));
  }
  return result;
}

}  // namespace

Tensor load_image(const ExperimentConfig& config, const std::filesystem::path& file) {
  const DataConfig& data = config.data;
  const datasets::ImageShape shape = image_shape(config);
  const datasets::Image image = datasets::decode_image_file(file, data.folder.decode);
  const int short_side =
      data.name == "imagefolder" ? data.folder.short_side : std::max(shape.height, shape.width);
  std::vector<std::uint8_t> pixels(datasets::ImageShape{3, shape.height, shape.width}.bytes());
  datasets::central_view(image.view(), short_side, shape.height, shape.width, pixels.data());
  if (shape.channels == 1) pixels = grey(pixels);
  Tensor tensor({1, shape.channels, shape.height, shape.width});
  datasets::PixelConverter(evaluation_transform(config), shape)
      .convert(pixels, Random(0, "augment"), tensor.span());
  return tensor;
}

std::vector<Prediction> most_probable(const Tensor& logits, int count) {
  require(logits.shape().rank() == 2 && logits.dim(0) == 1,
          "most_probable: expected logits [1, classes], got {}", logits.shape().to_string());
  const Tensor probabilities = softmax(logits);
  const auto probability = [&](int label) { return probabilities.data()[label]; };
  std::vector<int> labels(static_cast<std::size_t>(logits.dim(1)));
  std::iota(labels.begin(), labels.end(), 0);
  std::ranges::stable_sort(labels, std::ranges::greater{}, probability);
  std::vector<Prediction> result;
  for (const int label : labels) {
    if (static_cast<int>(result.size()) == count) break;
    result.push_back({label, static_cast<double>(probability(label))});
  }
  return result;
}

}  // namespace quench::experiments
