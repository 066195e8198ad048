#include "cli/parts/ranks.h"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <optional>
#include <thread>

#include "cli/parts/command_line.h"
#include "cli/parts/failure.h"
#include "cli/parts/stop_signal.h"
#include "core/communicator.h"
#include "core/mpi/job.h"
#include "support/console.h"
#include "support/error.h"
#include "support/mpi_launcher.h"

namespace quench::cli {
namespace {

/// An error that all ranks meet is reported once: rank 0 ends the others before they print it.
void let_rank_0_speak() {
  if (communicator().is_root()) return;
  const int before = stop_signal();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  if (stop_signal() != before) std::_Exit(kFailure);
}

[[noreturn]] void end_job(const std::exception& error) {
  const Failure failure = failure_of(error);
  let_rank_0_speak();
  complain(fmt::format("rank {} of {}: {}", communicator().rank(), communicator().size(),
                       failure.message),
           failure.status);
  communicator().abort(failure.status);
  std::_Exit(failure.status);  // for g++, which does not know that a virtual function never returns
}

/// The cores of this machine.
int cores() { return std::max(1, static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN))); }

/// The cores that this process may use.
int own_cores() {
  cpu_set_t set;
  return ::sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : cores();
}

}  // namespace

void run_as_rank(const std::function<void()>& work) {
  const std::unique_ptr<Communicator> job = mpi::join_job();
  if (!job) return work();
  const CommunicatorScope scope(*job);
  try {
    work();
  } catch (const std::exception& error) {
    end_job(error);
  }
}

void require_one_process(const std::string& command) {
  const int processes = mpi::launched_processes();
  if (processes == 1) return;
  if (mpi::launched_rank() != 0) throw Exit{0};
  require(false,
          "{}: expected one process, got {}: only quench train runs in several (mpirun -n {})",
          command, processes, processes);
}

experiments::RunFolder folder_of_ranks(const std::function<experiments::RunFolder()>& open) {
  std::optional<experiments::RunFolder> folder;
  std::string path;
  if (communicator().is_root()) {
    folder = open();
    path = folder->path().string();
  }
  communicator().broadcast(path, 0);
  return folder ? std::move(*folder) : experiments::RunFolder::of_rank_0(path);
}

int threads_of_rank(int wanted) {
  const int share = wanted > 0 ? wanted : std::max(1, cores() / communicator().ranks_here());
  const int bound = own_cores();
  if (share > bound && communicator().is_root()) {
    remark(fmt::format(
        "quench: mpirun has bound each rank to {} of the {} cores it could use; start it "
        "with --bind-to none, or with --map-by slot:PE={}",
        bound, share, share));
  }
  return wanted > 0 ? wanted : std::min(share, bound);
}

}  // namespace quench::cli
