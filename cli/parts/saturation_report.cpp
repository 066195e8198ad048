#include "cli/parts/saturation_report.h"

#include <fmt/format.h>

#include "core/ops/reduce.h"
#include "deploy/engine/convolution_step.h"
#include "deploy/engine/engine.h"
#include "deploy/kernels/saturation.h"
#include "support/progress.h"
#include "train/evaluate.h"

namespace quench::command {
namespace {

deploy::PairSaturation saturation(const deploy::IntegerNetwork& network,
                                  const deploy::Operation& operation) {
  return deploy::pair_saturation(deploy::conv_problem(std::get<deploy::Convolution>(operation.kind),
                                                      network.values[operation.inputs[0]]));
}

std::int64_t count_different(const Tensor& a, const Tensor& b) {
  std::int64_t different = 0;
  for (std::int64_t i = 0; i < a.numel(); ++i)
    different += a.data<std::int32_t>()[i] != b.data<std::int32_t>()[i] ? 1 : 0;
  return different;
}

}  // namespace

std::string saturation_text(const deploy::IntegerNetwork& network,
                            const deploy::Operation& operation) {
  const deploy::PairSaturation found = saturation(network, operation);
  if (found.exact()) return "never";
  return fmt::format("{:.2g} % of pairs", 100.0 * static_cast<double>(found.saturating) /
                                              static_cast<double>(found.pairs));
}

void print_saturation_summary(const deploy::IntegerNetwork& network) {
  int layers = 0, saturating = 0;
  for (const deploy::Operation& operation : network.operations) {
    if (!std::holds_alternative<deploy::Convolution>(operation.kind)) continue;
    ++layers;
    saturating += saturation(network, operation).exact() ? 0 : 1;
  }
  fmt::print(
      "int8 kernels that add pairs of products in 16 bits (CPUs without VNNI) can saturate in {} "
      "of "
      "{} layers; the engine's do not\n",
      saturating, layers);
}

void print_emulation(const deploy::IntegerNetwork& network, datasets::Loader& images) {
  deploy::Engine exact(network);
  deploy::Engine saturating(network, deploy::best_isa(), deploy::Products::saturating);
  std::int64_t count = 0, correct = 0, correct_saturating = 0, different = 0;
  ProgressBar bar;
  bar.begin("saturating kernels", images.images_in(images.batches_per_epoch()));
  images.start_epoch(0);
  while (const auto batch = images.next()) {
    const Tensor a = exact(batch->images), b = saturating(batch->images);
    correct += train::count_correct(a, batch->labels);
    correct_saturating += train::count_correct(b, batch->labels);
    different += count_different(argmax(a), argmax(b));
    count += batch->labels.dim(0);
    bar.advance(batch->labels.dim(0));
  }
  bar.clear();
  const auto percent = [count](std::int64_t part) {
    return 100.0 * static_cast<double>(part) / static_cast<double>(count);
  };
  fmt::print(
      "{} test images: top1 {:.2f} %; with saturating kernels {:.2f} %, another class for {:.2f} "
      "%\n",
      count, percent(correct), percent(correct_saturating), percent(different));
}

}  // namespace quench::command
