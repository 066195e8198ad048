#include "train/judge.h"

#include <optional>

#include "layers/batch_norm.h"
#include "layers/quantized_layer.h"

namespace quench::train {
namespace {

Accuracy evaluate_float(Module& network, datasets::Loader& images, datasets::Loader& training,
                        std::int64_t bn_batches, const Loss& loss) {
  const BufferGuard guard(network);
  reestimate_batch_norm(network, training, bn_batches, quant::Mode::bypass);
  return evaluate(network, images, quant::Mode::bypass, loss);
}

}  // namespace

bool has_stale_batch_norm(Module& network) {
  bool stale = false;
  for_each_quantizer(
      network, [&stale](quant::Quantizer& quantizer) { stale |= quantizer.stale_batch_norm(); });
  return stale;
}

Judgement judge(Module& network, datasets::Loader& images, datasets::Loader& training,
                std::int64_t bn_batches, StaleStatistics stale, const Loss& loss) {
  if (!is_quantized(network)) {
    const Accuracy accuracy = evaluate(network, images, quant::Mode::bypass, loss);
    return {accuracy, accuracy};
  }
  Judgement judgement;
  judgement.floating = evaluate_float(network, images, training, bn_batches, loss);
  std::optional<BufferGuard> guard;
  if (stale == StaleStatistics::restore && has_stale_batch_norm(network)) guard.emplace(network);
  replace_stale_statistics(network, training, bn_batches);
  judgement.quantized = evaluate(network, images, quant::Mode::evaluation, loss);
  return judgement;
}

std::int64_t images_to_judge(Module& network, const datasets::Loader& images,
                             const datasets::Loader& training, std::int64_t bn_batches) {
  const std::int64_t pass = images.images_in(images.batches_per_epoch());
  if (!is_quantized(network)) return pass;
  const std::int64_t norms = batch_norms(network).empty() ? 0 : training.images_in(bn_batches);
  return 2 * pass + (has_stale_batch_norm(network) ? 2 * norms : norms);
}

void replace_stale_statistics(Module& network, datasets::Loader& training,
                              std::int64_t bn_batches) {
  if (has_stale_batch_norm(network))
    reestimate_batch_norm(network, training, bn_batches, quant::Mode::evaluation);
}

}  // namespace quench::train
