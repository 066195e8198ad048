#include "core/mpi/job.h"

#include <mpi.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <thread>

#include "core/mpi/ordered_sum.h"
#include "support/error.h"
#include "support/mpi_launcher.h"

namespace quench::mpi {
namespace {

/// Sums over ranks, one at a time, on a separate thread: otherwise most of a message would wait
/// until the training thread enters MPI again. The thread sleeps between polls, so that it does not
/// take a core from the compute threads. Once finish() waits for it, it polls without sleeping.
class BackgroundSums {
 public:
  /// @param ranks  a communicator that nothing else uses
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
  std::jthread thread_;  // last member: stopped and joined before the others are destroyed
};

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
    // While finish() waits, this thread can use the waiting thread's core; yielding could cost a
    // time slice.
    if (!awaited_) std::this_thread::sleep_for(kPause);
  }
}

/// Initializes and finalizes MPI.
class Library {
 public:
  Library() {
    int provided = 0;
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided);
    if (provided < MPI_THREAD_MULTIPLE)
      fail("MPI: expected a library with thread support (MPI_THREAD_MULTIPLE), got {}",
           library_version());
  }
  ~Library() { MPI_Finalize(); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
};

/// A private communicator over all ranks.
class Ranks {
 public:
  Ranks() { MPI_Comm_dup(MPI_COMM_WORLD, &handle_); }
  ~Ranks() { MPI_Comm_free(&handle_); }
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;
  MPI_Comm get() const { return handle_; }

 private:
  MPI_Comm handle_ = MPI_COMM_NULL;
};

int ranks_on_this_machine() {
  MPI_Comm here = MPI_COMM_NULL;
  MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &here);
  int count = 0;
  MPI_Comm_size(here, &count);
  MPI_Comm_free(&here);
  return count;
}

class Job final : public Communicator {
 public:
  Job() : sum_(ranks_.get()), background_(background_ranks_.get()) {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    ranks_here_ = ranks_on_this_machine();
  }
  ~Job() override { barrier(); }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  int ranks_here() const override { return ranks_here_; }

  void sum(std::span<double> values) override {
    sum_(values, [](MPI_Request request) { MPI_Wait(&request, MPI_STATUS_IGNORE); });
  }
  // Exact in any order.
  void sum(std::span<std::int64_t> values) override { reduce(values, MPI_INT64_T, MPI_SUM); }
  void max(std::span<double> values) override { reduce(values, MPI_DOUBLE, MPI_MAX); }

  void broadcast(std::string& text, int root) override {
    auto length = static_cast<std::int64_t>(text.size());
    MPI_Bcast(&length, 1, MPI_INT64_T, root, ranks_.get());
    text.resize(static_cast<std::size_t>(length));
    MPI_Bcast(text.data(), static_cast<int>(length), MPI_CHAR, root, ranks_.get());
  }

  void barrier() override {
    MPI_Request request;
    MPI_Ibarrier(ranks_.get(), &request);
    for (int done = 0; done == 0;) {
      MPI_Test(&request, &done, MPI_STATUS_IGNORE);
      if (done == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  void start_sum(std::span<float> values) override { background_.start(values); }
  void finish_sums() override { background_.finish(); }

  void abort(int status) override {
    MPI_Abort(MPI_COMM_WORLD, status);
    std::_Exit(status);
  }

 private:
  template <typename T>
  void reduce(std::span<T> values, MPI_Datatype type, MPI_Op operation) {
    MPI_Allreduce(MPI_IN_PLACE, values.data(), static_cast<int>(values.size()), type, operation,
                  ranks_.get());
  }

  Library library_;
  Ranks ranks_, background_ranks_;
  OrderedSum<double> sum_;
  BackgroundSums background_;
  int rank_ = 0, size_ = 1, ranks_here_ = 1;
};

}  // namespace

std::unique_ptr<Communicator> join_job() {
  const int processes = launched_processes();
  if (processes == 1) return nullptr;
  auto job = std::make_unique<Job>();
  if (job->size() != processes)
    fail(
        "MPI: expected {} processes, got {}: this build uses {}; start it with the mpirun of that "
        "library",
        processes, job->size(), library_version());
  return job;
}

std::string library_version() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  MPI_Get_library_version(text, &length);
  const std::string whole(text, static_cast<std::size_t>(length));
  return whole.substr(0, whole.find(','));
}

}  // namespace quench::mpi
