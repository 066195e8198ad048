#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "experiments/runs/run_folder.h"

namespace quench::command {

/// Runs `work` as one of the ranks that mpirun started, or as a process alone. An error on one rank is
/// said with its number and ends all of them at once; an Exit has to come from all.
void run_as_rank(const std::function<void()>& work);

/// Refuses `command` if mpirun started several processes of it: one message, by the first of them; the
/// others end without a word, and with status 0, as mpirun would kill the first for another one.
/// @throws std::invalid_argument, Exit
void require_one_process(const std::string& command);

/// The folder that `open` makes or takes on rank 0, for all.
train::RunFolder folder_of_ranks(const std::function<train::RunFolder()>& open);

/// Threads for this rank: `wanted`, or, if that is 0, its share of this machine's cores, of those that
/// mpirun has bound it to. Says on stderr if these are fewer than the threads.
int threads_of_rank(int wanted);

}  // namespace quench::command
