#pragma once

#include <mpi.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <span>
#include <stop_token>
#include <thread>

#include "core/mpi/ordered_sum.h"

namespace quench::mpi {

/// Sums over ranks, one after the other, on a thread of its own: without one, most of a message would
/// wait until the training thread enters MPI again. The thread sleeps between looks at the network,
/// so that it takes no core from those that compute; once it is waited for, it no longer does.
class BackgroundSums {
 public:
  /// @param ranks  used by nobody else
  explicit BackgroundSums(MPI_Comm ranks);

  void start(std::span<float> values);
  void finish();

 private:
  void work(const std::stop_token& stop);
  void wait_for(MPI_Request request) const;

  OrderedSum<float> sum_;

  std::mutex mutex_;  // guards the following
  std::condition_variable_any started_;
  std::condition_variable finished_;
  std::deque<std::span<float>> waiting_;  // the first is being summed

  std::atomic<bool> awaited_ = false;
  std::jthread thread_;  // last: stopped and joined before the rest goes away
};

}  // namespace quench::mpi
