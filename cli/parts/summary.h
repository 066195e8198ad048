#pragma once

#include "experiments/runs/run_folder.h"
#include "experiments/trainer.h"

namespace quench::command {

/// Prints what a finished run came to: accuracies, size of the weights, time, files.
void print_summary(train::Trainer& trainer, const train::RunFolder& folder,
                   const train::RunResult& result);

}  // namespace quench::command
