#include "core/communicator.h"

#include <cstdlib>
#include <utility>

namespace quench {
namespace {

class Alone final : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 1; }
  int ranks_here() const override { return 1; }
  void sum(std::span<double>) override {}
  void sum(std::span<std::int64_t>) override {}
  void max(std::span<double>) override {}
  void broadcast(std::string&, int) override {}
  void barrier() override {}
  void start_sum(std::span<float>) override {}
  void finish_sums() override {}
  void abort(int status) override { std::_Exit(status); }
};

Alone alone;

// Per thread, not per process: worker threads compute alone, and a test can run several ranks.
thread_local Communicator* current = &alone;

}  // namespace

Communicator& communicator() { return *current; }

CommunicatorScope::CommunicatorScope() : CommunicatorScope(alone) {}
CommunicatorScope::CommunicatorScope(Communicator& ranks)
    : outer_(std::exchange(current, &ranks)) {}
CommunicatorScope::~CommunicatorScope() { current = outer_; }

double sum_over_ranks(double value) {
  communicator().sum(std::span(&value, 1));
  return value;
}

std::int64_t sum_over_ranks(std::int64_t value) {
  communicator().sum(std::span(&value, 1));
  return value;
}

double max_over_ranks(double value) {
  communicator().max(std::span(&value, 1));
  return value;
}

std::vector<std::int64_t> gather_from_ranks(std::int64_t value) {
  std::vector<std::int64_t> values(static_cast<std::size_t>(communicator().size()), 0);
  values[static_cast<std::size_t>(communicator().rank())] = value;
  communicator().sum(values);
  return values;
}

}  // namespace quench
