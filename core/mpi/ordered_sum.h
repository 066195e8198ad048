#pragma once

#include <mpi.h>

#include <algorithm>
#include <span>
#include <vector>

namespace quench::mpi {

inline MPI_Datatype type_of(float) { return MPI_FLOAT; }
inline MPI_Datatype type_of(double) { return MPI_DOUBLE; }

/// The sum over ranks, on all ranks, added in rank order. The order of MPI_Allreduce may depend on
/// the network and the version, and may even change between calls.
///
/// Small sums: every rank receives all values and adds them, in one message. Large sums: each rank
/// adds one part; (size - 1) / size of the bytes are sent twice, the minimum for an all-reduce.
template <typename T>
class OrderedSum {
 public:
  explicit OrderedSum(MPI_Comm ranks) : ranks_(ranks) {
    MPI_Comm_rank(ranks, &rank_);
    MPI_Comm_size(ranks, &size_);
  }

  /// @param wait  called with an MPI_Request; returns when the request is complete
  template <typename Wait>
  void operator()(std::span<T> values, Wait wait) {
    if (values.size_bytes() <= kFewBytes) {
      add_all(values, wait);
    } else {
      add_parts(values, wait);
    }
  }

 private:
  static constexpr std::size_t kFewBytes = 4096;

  template <typename Wait>
  void add_all(std::span<T> values, Wait wait) {
    const int count = static_cast<int>(values.size());
    const MPI_Datatype type = type_of(T{});
    received_.resize(values.size() * static_cast<std::size_t>(size_));
    MPI_Request request;
    MPI_Iallgather(values.data(), count, type, received_.data(), count, type, ranks_, &request);
    wait(request);
    add_received(values);
  }

  template <typename Wait>
  void add_parts(std::span<T> values, Wait wait) {
    const MPI_Datatype type = type_of(T{});
    std::vector<int> counts, offsets;
    for (int part = 0; part < size_; ++part) {
      offsets.push_back(begin_of(part, values.size()));
      counts.push_back(begin_of(part + 1, values.size()) - offsets.back());
    }
    const int own = counts[static_cast<std::size_t>(rank_)];
    std::vector<int> own_counts(counts.size(), own), own_offsets;
    for (int from = 0; from < size_; ++from) own_offsets.push_back(from * own);

    received_.resize(static_cast<std::size_t>(own) * static_cast<std::size_t>(size_));
    MPI_Request request;
    MPI_Ialltoallv(values.data(), counts.data(), offsets.data(), type, received_.data(),
                   own_counts.data(), own_offsets.data(), type, ranks_, &request);
    wait(request);
    add_received(values.subspan(static_cast<std::size_t>(begin_of(rank_, values.size())),
                                static_cast<std::size_t>(own)));
    MPI_Iallgatherv(MPI_IN_PLACE, 0, type, values.data(), counts.data(), offsets.data(), type,
                    ranks_, &request);
    wait(request);
  }

  int begin_of(int part, std::size_t count) const {
    const auto parts = static_cast<std::size_t>(size_);
    return static_cast<int>(count * static_cast<std::size_t>(part) / parts);
  }

  void add_received(std::span<T> sums) const {
    std::copy_n(received_.begin(), sums.size(), sums.begin());
    for (std::size_t at = sums.size(); at < received_.size(); at += sums.size()) {
      const T* from = received_.data() + at;
      for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += from[i];
    }
  }

  MPI_Comm ranks_;
  int rank_ = 0, size_ = 1;
  std::vector<T> received_;  // the parts of all ranks, concatenated
};

}  // namespace quench::mpi
