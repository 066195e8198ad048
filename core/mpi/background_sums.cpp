#include "core/mpi/background_sums.h"

#include <chrono>

namespace quench::mpi {

BackgroundSums::BackgroundSums(MPI_Comm ranks)
    : sum_(ranks), thread_([this](const std::stop_token& stop) { work(stop); }) {}

void BackgroundSums::start(std::span<float> values) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(values);
  }
  started_.notify_one();
}

void BackgroundSums::finish() {
  awaited_ = true;
  {
    std::unique_lock lock(mutex_);
    finished_.wait(lock, [this] { return waiting_.empty(); });
  }
  awaited_ = false;
}

void BackgroundSums::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (started_.wait(lock, stop, [this] { return !waiting_.empty(); })) {
    const std::span<float> values = waiting_.front();
    lock.unlock();
    sum_(values, [this](MPI_Request request) { wait_for(request); });
    lock.lock();
    waiting_.pop_front();
    if (waiting_.empty()) finished_.notify_all();
  }
}

void BackgroundSums::wait_for(MPI_Request request) const {
  constexpr auto kPause = std::chrono::microseconds(200);
  for (;;) {
    int done = 0;
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    if (done != 0) return;
    // Awaited, it has the core of the thread that waits; to yield that could cost a time slice.
    if (!awaited_) std::this_thread::sleep_for(kPause);
  }
}

}  // namespace quench::mpi
