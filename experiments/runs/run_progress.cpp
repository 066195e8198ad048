#include "experiments/runs/run_progress.h"

#include <fmt/format.h>

namespace quench::train {

RunProgress::RunProgress(ProgressBar& bar, const RunWork& work, const Progress& start)
    : bar_(bar), work_(work) {
  bar_.begin("", work.epochs * epoch_work(),
             start.epoch * epoch_work() + start.step_in_epoch * step_work());
}

void RunProgress::begin_epoch(std::int64_t epoch) {
  bar_.begin_part(fmt::format("epoch {}/{}", epoch + 1, work_.epochs), epoch * epoch_work(),
                  (epoch + 1) * epoch_work());
}

void RunProgress::add_step(double loss) {
  bar_.set_note(fmt::format("loss {:.4f}", loss));
  bar_.advance(step_work());
}

std::int64_t RunProgress::step_work() const {
  constexpr std::int64_t kPasses =
      3;  // backward computes two gradients where forward computes one output
  return kPasses * work_.images;
}

std::int64_t RunProgress::epoch_work() const { return work_.steps * step_work() + work_.evaluated; }

}  // namespace quench::train
