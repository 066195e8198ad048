#include "experiments/integer_check.h"

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "core/communicator.h"
#include "deploy/freeze.h"
#include "deploy/verify.h"
#include "experiments/runs/checkpoint.h"
#include "layers/module.h"
#include "support/error.h"
#include "support/progress.h"
#include "train/evaluate.h"

namespace quench::experiments {
namespace {

deploy::IntegerNetwork frozen(layers::Module& network, const ExperimentConfig& config) {
  const datasets::ImageShape image = image_shape(config);
  return deploy::freeze(network, {1, image.channels, image.height, image.width});
}

/// Runs a few images in training mode, so that every quantizer has a grid.
void show_images(layers::Module& network, const ExperimentConfig& config, const Data& data) {
  constexpr std::int64_t kImages = 16;
  const auto loader = evaluation_loader(config, data.evaluation());
  loader->start_epoch(0);
  const Tensor images = loader->next()->images;
  const NoGradGuard no_grad;
  const layers::ModeGuard modes(network, true, quant::Mode::training);
  network(Variable(images.slice(0, std::min(kImages, images.dim(0)))));
}

bool reads(const deploy::Value& value, const std::string& reader) {
  return std::ranges::find(value.readers, reader) != value.readers.end();
}

/// The operation whose output `reader` reads.
std::string writer_of(const deploy::IntegerNetwork& network, const std::string& reader) {
  for (const deploy::Operation& operation : network.operations) {
    for (const deploy::Output& output : operation.outputs) {
      if (reads(network.values[output.value], reader)) return operation.name;
    }
  }
  fail("verify: no operation writes the input of {}", reader);
}

}  // namespace

std::string IntegerMismatch::text() const {
  return fmt::format(
      "the integer engine and evaluation differ, first between {} and {} ({} of {} values)", layer,
      reader, different, compared);
}

std::optional<IntegerMismatch> first_mismatch(layers::Module& network, deploy::Engine& engine,
                                              datasets::Loader& images, std::int64_t batches) {
  progress_bar().set_note("integers");
  const deploy::Verification result = deploy::verify(network, engine, images, batches);
  const auto first =
      std::ranges::find_if(result.values, [](const auto& value) { return value.different != 0; });
  if (first == result.values.end()) return std::nullopt;
  return IntegerMismatch{.layer = writer_of(engine.network(), first->reader),
                         .reader = first->reader,
                         .compared = first->compared,
                         .different = first->different};
}

std::optional<IntegerMismatch> check_integers(layers::Module& network, datasets::Loader& images,
                                              datasets::Loader& training,
                                              const ExperimentConfig& config) {
  const train::BufferGuard guard(network);
  train::reestimate_stale_batch_norm(network, training, config.train.bn_batches);
  deploy::Engine engine(frozen(network, config));
  return first_mismatch(network, engine, images, config.train.verify_batches);
}

bool verifies_after(std::int64_t epoch, const TrainConfig& config) {
  if (config.verify_every == 0) return false;
  return epoch % config.verify_every == 0 || epoch == config.epochs;
}

void require_integer_form(layers::Module& network, const ExperimentConfig& config, const Data& data,
                          const std::function<void(layers::Module&)>& begin_training) {
  const CommunicatorScope alone;  // each rank gets the same result
  const auto copy = build_network(config, data.train->format());
  begin_training(*copy);
  train::load_network(*copy, config.model.name, train::network_state(network, config.model.name),
                      config.name);
  show_images(*copy, config, data);
  try {
    frozen(*copy, config);
  } catch (const std::invalid_argument& error) {
    throw std::invalid_argument(fmt::format(
        "train.verify_every: expected 0 for a network without an integer form, got {}: {}",
        config.train.verify_every, error.what()));
  }
}

}  // namespace quench::experiments
