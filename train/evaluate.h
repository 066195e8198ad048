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
  double loss_sum = 0.0;                    ///< over the images; 0 if no loss was asked for
  std::vector<std::int64_t> class_correct;  ///< by label
  std::vector<std::int64_t> class_images;

  double top1() const { return percent(correct, images); }
  double top5() const { return percent(correct_top5, images); }
  double loss() const { return images == 0 ? 0.0 : loss_sum / static_cast<double>(images); }
  /// Of the images of one class; NaN without any.
  double class_top1(std::size_t label) const;

 private:
  static double percent(std::int64_t count, std::int64_t of) {
    return of == 0 ? 0.0 : 100.0 * static_cast<double>(count) / static_cast<double>(of);
  }
};

/// How many rows of `logits` [N, classes] have their largest value at the label, s32 [N].
/// @throws std::invalid_argument  for other shapes
std::int64_t count_correct(const Tensor& logits, const Tensor& labels);
/// How many have fewer than k values that are larger than the label's, or equal and before it; none
/// whose label has NaN.
/// @throws std::invalid_argument  for other shapes
std::int64_t count_in_top(int k, const Tensor& logits, const Tensor& labels);

// Both count the images that they show the network on progress_bar().

/// Accuracy of a function from images [N, C, H, W] to logits [N, classes] over one pass of `loader`,
/// and its `loss`, if given.
Accuracy evaluate(const std::function<Tensor(const Tensor&)>& network, datasets::Loader& loader,
                  const Loss& loss = {});
/// Accuracy over one pass of `loader`, with batch norm and dropout as in evaluation and all
/// quantizers in `mode`; over the passes of all ranks, whose loaders each have a part.
Accuracy evaluate(Module& network, datasets::Loader& loader, quant::Mode mode,
                  const Loss& loss = {});

/// Replaces running batch-norm statistics by the plain average over up to `batches` batches of
/// `loader`, with all quantizers in `mode`: statistics gathered under other values do not fit
/// (alpha-blending needs it, and so does the float network under a quantized one). Dropout is off,
/// as in the evaluation that the statistics serve. Quantizer state is left alone. Counts images on
/// progress_bar().
void reestimate_batch_norm(Module& network, datasets::Loader& loader, std::int64_t batches,
                           quant::Mode mode);

/// Whether a quantizer says that running batch-norm statistics of training do not fit evaluation
/// (Quantizer::stale_batch_norm).
bool has_stale_batch_norm(Module& network);
/// Re-estimates them if one does, as evaluate_quantized_and_float() does before it evaluates.
void reestimate_stale_batch_norm(Module& network, datasets::Loader& training,
                                 std::int64_t bn_batches);

/// The two curves of alpha-blending's figure 4 (Liu & Mattina 2019), for any method.
struct Evaluation {
  Accuracy quantized;  ///< on the integer grids; equal to `floating` if nothing is quantized
  Accuracy floating;   ///< of the float network underneath, every quantizer bypassed
};

/// What becomes of running batch-norm statistics that did not fit the quantized network.
enum class StaleStatistics : bool { restore, replace };

/// Evaluates a network as it is and with its quantizers bypassed, on all of `images`. Where batch
/// statistics of training do not fit, they are re-estimated first on `bn_batches` batches of
/// `training` (0: never): always for the float network, from which they are put back, and for the
/// quantized one if a quantizer says so. Both get their `loss`, if there is one.
Evaluation evaluate_quantized_and_float(Module& network, datasets::Loader& images,
                                        datasets::Loader& training, std::int64_t bn_batches,
                                        StaleStatistics stale, const Loss& loss = {});

/// How many images evaluate_quantized_and_float() shows the network, all passes together, and counts on
/// progress_bar().
std::int64_t images_to_evaluate(Module& network, const datasets::Loader& images,
                                const datasets::Loader& training, std::int64_t bn_batches);

/// Puts all buffers of a network back when it goes out of scope.
class BufferGuard {
 public:
  explicit BufferGuard(Module& network);
  ~BufferGuard();
  BufferGuard(const BufferGuard&) = delete;
  BufferGuard& operator=(const BufferGuard&) = delete;

 private:
  std::vector<Buffer> buffers_;
  std::vector<Tensor> saved_;
};

}  // namespace quench::train
