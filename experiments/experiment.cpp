#include "experiments/experiment.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "core/communicator.h"
#include "datasets/registry.h"
#include "layers/attach_quantizers.h"
#include "layers/models/registry.h"
#include "layers/quantized_layer.h"
#include "onnx/file/read.h"
#include "onnx/import/network.h"
#include "ptq/equalize.h"
#include "ptq/fold.h"
#include "support/console.h"
#include "support/error.h"
#include "support/text_number.h"

namespace quench::experiments {
namespace {

std::vector<float> to_float(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

datasets::Transform make_transform(const DataConfig& data, bool augment) {
  datasets::Transform transform{.mean = to_float(data.mean), .std = to_float(data.std)};
  if (!augment) return transform;
  transform.crop_padding = data.crop_padding;
  transform.horizontal_flip = data.horizontal_flip;
  transform.random_crop = data.random_crop;
  transform.jitter = data.jitter;
  return transform;
}

datasets::DatasetSpec dataset_spec(const ExperimentConfig& config) {
  const DataConfig& data = config.data;
  return {.name = data.name,
          .data_dir = data.dir,
          .seed = config.train.seed,
          .train_size = data.train_size,
          .test_size = data.test_size,
          .folder = data.folder};
}

/// Batches without augmentation, in order or drawn with a seed; this rank's part of batches of `batch_size`.
std::unique_ptr<datasets::Loader> plain_loader(const ExperimentConfig& config,
                                               std::shared_ptr<const datasets::Dataset> images,
                                               std::int64_t batch_size,
                                               std::optional<std::uint64_t> shuffle_seed = {}) {
  return std::make_unique<datasets::Loader>(
      std::move(images), make_transform(config.data, false),
      datasets::LoaderOptions{.batch_size = batch_size,
                              .shuffle = shuffle_seed.has_value(),
                              .threads = config.data.threads(),
                              .seed = shuffle_seed.value_or(0),
                              .rank = communicator().rank(),
                              .ranks = communicator().size()});
}

/// What skip_bad passed over, for the user to see.
void report(const std::vector<std::string>& left_out) {
  if (left_out.empty() || !communicator().is_root()) return;
  remark(fmt::format("left out {} that cannot be decoded (data.skip_bad):",
                     counted(std::ssize(left_out), "file")));
  for (const std::string& fault : left_out) remark("  " + fault);
}

std::unique_ptr<layers::Module> make_network(const ModelConfig& model,
                                             const layers::models::ModelInput& input,
                                             Random& random, bool shapes_only) {
  Settings settings = model.settings;
  if (model.onnx.empty()) return layers::models::make_model(model.name, settings, input, random);
  onnx::OnnxNetworkOptions options = model.options;
  options.shapes_only = shapes_only;
  return onnx::make_onnx_network(onnx::read_onnx(model.onnx, model.output), model.onnx.string(),
                                 input, options, random);
}

/// The most common number of bits for weights, or for inputs; the larger one if two are equally
/// common.
int common_bits(layers::Module& network, bool of_weights) {
  std::map<int, int> layers;
  for (layers::QuantizedLayer* layer : network.quantized_layers()) {
    const quant::Quantizer& quantizer =
        of_weights ? layer->weight_quantizer() : layer->input_quantizer();
    ++layers[quantizer.quantizes() ? quantizer.bits() : 32];
  }
  const auto fewer = [](const auto& a, const auto& b) {
    return std::pair(a.second, a.first) < std::pair(b.second, b.first);
  };
  return std::ranges::max_element(layers, fewer)->first;
}

/// Whether [calibration] changes weights or biases, not only ranges.
bool changes_network(const ptq::CalibrationOptions& calibration) {
  return calibration.equalize || calibration.absorb_bias || calibration.depthwise_rescale ||
         calibration.bias_correction != "none" || calibration.reconstruct.wanted();
}

/// A network with its own quantizers does not accept those of [quant], which then has method
/// "fixed" and the bits that most layers use.
void require_no_rule(const ExperimentConfig& config, layers::Module& network) {
  const Settings& quant = config.quant.settings;
  const std::array bits{std::pair{"weight", common_bits(network, true)},
                        std::pair{"activation", common_bits(network, false)}};
  const auto says_bits = [&](const std::string& key) {
    return std::ranges::any_of(bits, [&](const auto& slot) {
      return key == slot.first && quant.table(key).keys() == std::vector<std::string>{"bits"} &&
             quant.table(key).integer("bits") == slot.second;
    });
  };
  for (const std::string& key : quant.keys()) {
    if (key == "method" && quant.text(key) == "fixed") continue;
    if (key == "fold_freeze_epoch") continue;
    if (key == "fold_batch_norm" && !quant.boolean(key)) continue;
    if (says_bits(key)) continue;
    quant.reject(key, fmt::format("no [quant] table with {}, which has its own quantizers; or "
                                  "model.quantizers = \"none\" for the float network without them",
                                  config.model.onnx.string()));
  }
  require(!config.calibration || !changes_network(*config.calibration),
          "calibration: expected no equalize, absorb_bias, depthwise_rescale, bias_correction or "
          "reconstruct for {}, whose codes and grids are fixed; model.quantizers = \"none\" "
          "selects the float network without them",
          config.model.onnx.string());
  // For the run's config, which lists of runs read.
  quant.text("method", "fixed");
  for (const auto& [slot, value] : bits) quant.table(slot).integer("bits", value);
}

std::unique_ptr<layers::Module> build(const ExperimentConfig& config,
                                      const datasets::DatasetFormat& data, bool shapes_only) {
  Random random(config.train.seed, "initialization");
  auto network = make_network(config.model,
                              {.channels = data.image.channels,
                               .height = data.image.height,
                               .width = data.image.width,
                               .classes = data.classes},
                              random, shapes_only);
  config.model.settings.finish();
  if (config.calibration && config.calibration->relu6 == "replace") ptq::replace_relu6(*network);
  if (layers::is_quantized(*network)) {
    require_no_rule(config, *network);
  } else {
    layers::attach_quantizers(*network, quant::Policy(config.quant.settings));
  }
  if (config.quant.folding.enabled) ptq::fold_batch_norms(*network);
  return network;
}

}  // namespace

bool has_trained_weights(const ModelConfig& model) {
  if (model.onnx.empty()) return false;
  return !model.options.random_weights && !model.options.replace_head;
}

datasets::DatasetFormat data_format(const ExperimentConfig& config) {
  return datasets::dataset_format(dataset_spec(config));
}

datasets::ImageShape image_shape(const ExperimentConfig& config) {
  return datasets::dataset_image_shape(dataset_spec(config));
}

datasets::Transform evaluation_transform(const ExperimentConfig& config) {
  return make_transform(config.data, false);
}

Data load_data(const ExperimentConfig& config) {
  const DataConfig& data = config.data;
  const datasets::DatasetPair pair = datasets::load_dataset(dataset_spec(config));
  report(pair.left_out);
  if (data.validation_size == 0) return {pair.train, nullptr, pair.test};
  const std::int64_t size = pair.train->size(), kept = size - data.validation_size;
  require(kept >= 1, "data.validation_size: expected fewer than the {} training images, got {}",
          size, data.validation_size);
  return {datasets::subset_range(pair.train, 0, kept),
          datasets::subset_range(pair.train, kept, size), pair.test};
}

std::string count_images(const Data& data) {
  return fmt::format("{} for training, {} to judge by", data.train->size(),
                     data.evaluation()->size());
}

std::unique_ptr<datasets::Loader> training_loader(const ExperimentConfig& config,
                                                  std::shared_ptr<const datasets::Dataset> images) {
  const int ranks = communicator().size();
  const datasets::ImageShape shape = images->format().image;
  if (config.data.crop_padding >= std::min(shape.height, shape.width)) {
    config.root.table("data").reject(
        "crop_padding",
        fmt::format("fewer pixels than the images have ({}x{})", shape.height, shape.width));
  }
  require(config.train.batch_size <= images->size() / ranks,
          "train.batch_size: expected at most the {} training images{}, got {}",
          images->size() / ranks, ranks == 1 ? "" : " per rank", config.train.batch_size);
  return std::make_unique<datasets::Loader>(
      std::move(images), make_transform(config.data, true),
      datasets::LoaderOptions{.batch_size = config.train.batch_size * ranks,
                              .shuffle = true,
                              .drop_last = true,
                              .threads = config.data.threads(),
                              .seed = config.train.seed,
                              .rank = communicator().rank(),
                              .ranks = ranks});
}

std::unique_ptr<datasets::Loader> evaluation_loader(
    const ExperimentConfig& config, std::shared_ptr<const datasets::Dataset> images) {
  return plain_loader(config, std::move(images),
                      config.train.eval_batch_size * communicator().size());
}

std::unique_ptr<datasets::Loader> calibration_loader(
    const ExperimentConfig& config, const ptq::CalibrationOptions& calibration,
    std::shared_ptr<const datasets::Dataset> images) {
  // A batch with fewer images than ranks cannot be divided among them.
  const std::int64_t size = images->size(), batch = calibration.batch_size;
  const std::int64_t last = calibration.batches > size / batch ? size % batch : 0;
  const int ranks = communicator().size();
  require(std::min(batch, last == 0 ? batch : last) >= ranks,
          "calibration.batch_size: expected batches of at least {} images, one per rank, got "
          "{} from {} images",
          ranks, batch, size);
  return plain_loader(config, std::move(images), batch, calibration.sample_seed);
}

std::unique_ptr<layers::Module> build_network(const ExperimentConfig& config,
                                              const datasets::DatasetFormat& data) {
  return build(config, data, false);
}

std::unique_ptr<layers::Module> build_network_without_weights(const ExperimentConfig& config,
                                                              const datasets::DatasetFormat& data) {
  return build(config, data, true);
}

}  // namespace quench::experiments
