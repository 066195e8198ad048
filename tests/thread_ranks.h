#pragma once

#include <algorithm>
#include <barrier>
#include <cstdlib>
#include <exception>
#include <functional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "core/communicator.h"
#include "core/parallel.h"

namespace quench {

/// Ranks that are threads of this process, with one compute thread each.
class ThreadRanks {
 public:
  explicit ThreadRanks(int size) : barrier_(size), own_(static_cast<std::size_t>(size)) {}

  /// Calls body(rank) on all of them at once, and rethrows the first one's exception once all have
  /// ended: if one throws, all must.
  void run(const std::function<void(int)>& body) {
    std::vector<std::exception_ptr> errors(own_.size());
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < own_.size(); ++i) {
        threads.emplace_back([&, i, rank = static_cast<int>(i)] {
          set_num_threads(1);
          Rank communicator(*this, rank);
          const CommunicatorScope scope(communicator);
          try {
            body(rank);
          } catch (...) {
            errors[i] = std::current_exception();
          }
        });
      }
    }
    for (const std::exception_ptr& error : errors) {
      if (error) std::rethrow_exception(error);
    }
  }

 private:
  class Rank final : public Communicator {
   public:
    Rank(ThreadRanks& all, int rank) : all_(all), rank_(rank) {}
    int rank() const override { return rank_; }
    int size() const override { return static_cast<int>(all_.own_.size()); }
    int ranks_here() const override { return size(); }
    void sum(std::span<double> values) override { add_up(values); }
    void sum(std::span<std::int64_t> values) override { add_up(values); }
    void max(std::span<double> values) override {
      reduce(values, [](double a, double b) { return std::max(a, b); });
    }
    void broadcast(std::string& text, int root) override {
      all_.exchange(
          rank_, &text,
          [&](const std::vector<void*>& own) {
            return *static_cast<std::string*>(own[static_cast<std::size_t>(root)]);
          },
          [&](std::string sent) { text = std::move(sent); });
    }
    void barrier() override { all_.barrier_.arrive_and_wait(); }
    void start_sum(std::span<float> values) override { add_up(values); }
    void finish_sums() override {}
    void abort(int status) override { std::_Exit(status); }

   private:
    template <typename T>
    void add_up(std::span<T> values) {
      reduce(values, [](T a, T b) { return a + b; });
    }
    template <typename T, typename Operation>
    void reduce(std::span<T> values, Operation operation) {
      all_.exchange(
          rank_, values.data(),
          [&](const std::vector<void*>& own) {
            const T* first = static_cast<T*>(own[0]);
            std::vector<T> result(first, first + values.size());
            for (std::size_t rank = 1; rank < own.size(); ++rank) {
              for (std::size_t i = 0; i < values.size(); ++i)
                result[i] = operation(result[i], static_cast<T*>(own[rank])[i]);
            }
            return result;
          },
          [&](const std::vector<T>& result) { std::ranges::copy(result, values.begin()); });
    }

    ThreadRanks& all_;
    int rank_;
  };

  /// Every rank reads the values of all before it changes its own.
  template <typename Read, typename Write>
  void exchange(int rank, void* own, Read read, Write write) {
    own_[static_cast<std::size_t>(rank)] = own;
    barrier_.arrive_and_wait();
    auto result = read(own_);
    barrier_.arrive_and_wait();
    write(std::move(result));
  }

  std::barrier<> barrier_;
  std::vector<void*> own_;
};

}  // namespace quench
