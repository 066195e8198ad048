#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace quench {

/// Communication between the processes (ranks) that train together.
///
/// Every call except rank(), size(), ranks_here() and abort() is collective: all ranks call it in
/// the same order with the same number of values. Floating-point sums add in rank order, so they
/// are bit-identical on every rank and in every run. A single process is rank 0 of 1, and its calls
/// cost nothing.
class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;        ///< 0 .. size() - 1
  virtual int size() const = 0;        ///< >= 1
  virtual int ranks_here() const = 0;  ///< on this machine, >= 1
  bool is_root() const { return rank() == 0; }

  /// Replaces each value with its sum or maximum over all ranks. max() does not accept NaN.
  virtual void sum(std::span<double> values) = 0;
  virtual void sum(std::span<std::int64_t> values) = 0;
  virtual void max(std::span<double> values) = 0;
  /// Copies the text of rank `root` to all ranks.
  virtual void broadcast(std::string& text, int root) = 0;
  /// Returns once all ranks have called it. A waiting rank does not use its cores.
  virtual void barrier() = 0;

  /// Starts to sum `values` over all ranks in the background. The values must not be moved or
  /// accessed until finish_sums() returns, which waits for all sums started so far.
  virtual void start_sum(std::span<float> values) = 0;
  virtual void finish_sums() = 0;

  /// Terminates the processes of all ranks immediately.
  [[noreturn]] virtual void abort(int status) = 0;
};

/// This thread's communicator: a single process, unless a CommunicatorScope sets another.
Communicator& communicator();

/// While it is alive, communicator() of its thread returns `ranks`, or a single process.
class CommunicatorScope {
 public:
  CommunicatorScope();  ///< a single process: no other rank takes part
  explicit CommunicatorScope(Communicator& ranks);
  ~CommunicatorScope();
  CommunicatorScope(const CommunicatorScope&) = delete;
  CommunicatorScope& operator=(const CommunicatorScope&) = delete;

 private:
  Communicator* outer_;
};

/// The sum or maximum of one value over all ranks.
double sum_over_ranks(double value);
std::int64_t sum_over_ranks(std::int64_t value);
double max_over_ranks(double value);
/// The value of each rank, in rank order.
std::vector<std::int64_t> gather_from_ranks(std::int64_t value);

}  // namespace quench
