#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "datasets/loader.h"
#include "layers/loss.h"
#include "layers/module.h"

namespace quench::train {

struct Accuracy {
  std::int64_t correct = 0;
  std::int64_t correct_top5 = 0;  ///< the label is among the five largest logits
  std::int64_t images = 0;
  double loss_sum = 0.0;                    ///< over the images; 0 without a loss
  std::vector<std::int64_t> class_correct;  ///< by label
  std::vector<std::int64_t> class_images;

  double top1() const { return percent(correct, images); }
  double top5() const { return percent(correct_top5, images); }
  double loss() const { return images == 0 ? 0.0 : loss_sum / static_cast<double>(images); }
  /// Accuracy on the images of one class; NaN without images.
  double class_top1(std::size_t label) const;

 private:
  static double percent(std::int64_t count, std::int64_t of) {
    return of == 0 ? 0.0 : 100.0 * static_cast<double>(count) / static_cast<double>(of);
  }
};

/// The number of rows of `logits` [N, classes] with the largest value at the label, s32 [N].
/// @throws std::invalid_argument  for other shapes
std::int64_t count_correct(const Tensor& logits, const Tensor& labels);
/// The number of rows in which fewer than k values are larger than the label's, or equal to it and
/// before it. A label with NaN does not count.
/// @throws std::invalid_argument  for other shapes
std::int64_t count_in_top(int k, const Tensor& logits, const Tensor& labels);

// Both count processed images on progress_bar().

/// The accuracy of a function from images [N, C, H, W] to logits [N, classes] over one pass of
/// `loader`, and its `loss`, if given.
Accuracy evaluate(const std::function<Tensor(const Tensor&)>& network, datasets::Loader& loader,
                  const layers::Loss& loss = {});
/// The accuracy over one pass of `loader`, with batch norm and dropout as in evaluation and all
/// quantizers in `mode`; summed over all ranks, each of whose loaders has a part.
Accuracy evaluate(layers::Module& network, datasets::Loader& loader,
                  quant::Mode mode = quant::Mode::evaluation, const layers::Loss& loss = {});

/// Replaces running batch-norm statistics by the plain average over up to `batches` batches of
/// `loader`, with all quantizers in `mode`. Needed if the statistics come from other values: with
/// alpha-blending, and for the float version of a quantized network. Dropout is off, as in
/// evaluation. Quantizer state does not change. Counts images on progress_bar().
void reestimate_batch_norm(layers::Module& network, datasets::Loader& loader, std::int64_t batches,
                           quant::Mode mode);

/// Whether a quantizer reports that running batch-norm statistics from training do not match
/// evaluation (Quantizer::stale_batch_norm).
bool has_stale_batch_norm(layers::Module& network);
/// Re-estimates them in that case, like evaluate_quantized_and_float() before evaluating.
void reestimate_stale_batch_norm(layers::Module& network, datasets::Loader& training,
                                 std::int64_t bn_batches);

/// The two curves of alpha-blending's figure 4 (Liu & Mattina 2019), for any method.
struct Evaluation {
  Accuracy quantized;  ///< on the integer grids; equal to `floating` if nothing is quantized
  Accuracy floating;   ///< of the float network, with every quantizer bypassed
};

/// What to do with running batch-norm statistics that do not match the quantized network.
enum class StaleStatistics : bool { restore, replace };

/// Evaluates a network quantized and with its quantizers bypassed, on all of `images`. If batch
/// statistics from training do not match, they are first re-estimated on `bn_batches` batches of
/// `training` (0: never): always for the float network, after which they are restored, and for the
/// quantized one if a quantizer reports them as stale. Both compute `loss`, if given.
Evaluation evaluate_quantized_and_float(layers::Module& network, datasets::Loader& images,
                                        datasets::Loader& training, std::int64_t bn_batches,
                                        StaleStatistics stale, const layers::Loss& loss = {});

/// The number of images that evaluate_quantized_and_float() processes in all passes, as counted on
/// progress_bar().
std::int64_t images_to_evaluate(layers::Module& network, const datasets::Loader& images,
                                const datasets::Loader& training, std::int64_t bn_batches);

/// Restores all buffers of a network at the end of the scope.
class BufferGuard {
 public:
  explicit BufferGuard(layers::Module& network);
  ~BufferGuard();
  BufferGuard(const BufferGuard&) = delete;
  BufferGuard& operator=(const BufferGuard&) = delete;

 private:
  std::vector<layers::Buffer> buffers_;
  std::vector<Tensor> saved_;
};

}  // namespace quench::train
