#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "experiments/runs/run_folder.h"

namespace quench::cli {

/// Runs `work` as one of the ranks that mpirun started, or as a single process. An error on one
/// rank is reported with its number and ends all ranks at once; an Exit must come from all.
void run_as_rank(const std::function<void()>& work);

/// Refuses `command` if mpirun started several processes: the first prints a message; the others
/// end silently with status 0, because mpirun would kill the first otherwise.
/// @throws std::invalid_argument, Exit
void require_one_process(const std::string& command);

/// The folder that `open` creates or opens on rank 0, for all ranks.
experiments::RunFolder folder_of_ranks(const std::function<experiments::RunFolder()>& open);

/// Threads for this rank: `wanted`, or if that is 0, its share of this machine's cores, limited to
/// those that mpirun has bound it to. Warns on stderr if it has fewer cores than threads.
int threads_of_rank(int wanted);

}  // namespace quench::cli
