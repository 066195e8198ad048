#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace quench {

/// A process's place among those that train together, its ranks, and what they tell each other.
///
/// Every call but rank(), size(), ranks_here() and abort() is collective: all ranks make it, in the
/// same order and with as many values. Sums of floats are taken in the order of ranks, so that they
/// have the same bits on every rank and in every run. One process alone has rank 0 of 1, and calls
/// cost it nothing.
class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;        ///< 0 .. size() - 1
  virtual int size() const = 0;        ///< >= 1
  virtual int ranks_here() const = 0;  ///< on this machine, >= 1
  bool is_root() const { return rank() == 0; }

  /// Each value becomes the sum over all ranks, or the largest. There may be no NaN in max().
  virtual void sum(std::span<double> values) = 0;
  virtual void sum(std::span<std::int64_t> values) = 0;
  virtual void max(std::span<double> values) = 0;
  /// Every rank gets what `root` has.
  virtual void broadcast(std::string& text, int root) = 0;
  /// Returns once all ranks have come here. A rank that waits leaves its cores to others.
  virtual void barrier() = 0;

  /// Begins to sum `values` over all ranks while this thread goes on; they must stay where they are,
  /// untouched, until finish_sums() has returned, which waits for all sums begun so far.
  virtual void start_sum(std::span<float> values) = 0;
  virtual void finish_sums() = 0;

  /// Ends the processes of all ranks at once.
  [[noreturn]] virtual void abort(int status) = 0;
};

/// Of this thread: one process alone, unless a CommunicatorScope says otherwise.
Communicator& communicator();

/// While one lives, communicator() of its thread is `ranks`, or that of one process alone.
class CommunicatorScope {
 public:
  CommunicatorScope();  ///< one process alone: what follows concerns no other rank
  explicit CommunicatorScope(Communicator& ranks);
  ~CommunicatorScope();
  CommunicatorScope(const CommunicatorScope&) = delete;
  CommunicatorScope& operator=(const CommunicatorScope&) = delete;

 private:
  Communicator* outer_;
};

/// The sum of one value, or the largest, over all ranks.
double sum_over_ranks(double value);
std::int64_t sum_over_ranks(std::int64_t value);
double max_over_ranks(double value);
/// The value of each rank, in their order.
std::vector<std::int64_t> gather_from_ranks(std::int64_t value);

}  // namespace quench
