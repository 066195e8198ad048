#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace quench {

/// One Philox4x32-10 block: four random words that depend only on `counter` and `key`.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key);

/// Counter-based random numbers: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as
/// easy as 1, 2, 3"). The i-th value is a pure function of seed, stream name and i, so it depends
/// on neither thread count nor call order, and a stream's whole state is one counter.
class Random {
 public:
  /// Streams of one seed with different names are independent.
  Random(std::uint64_t seed, std::string_view stream);
  /// An independent sub-stream, e.g. one per epoch or per image.
  Random fork(std::uint64_t index) const;

  /// The four words of block `index`.
  std::array<std::uint32_t, 4> block(std::uint64_t index) const;

  std::uint32_t bits();  ///< the next 32 bits
  float uniform();       ///< [0, 1), multiples of 2^-24
  /// low <= value <= high: rounding can reach `high` itself.
  float uniform(float low, float high) { return low + (high - low) * uniform(); }
  /// The same values as repeated calls of uniform(), drawn on all threads.
  void fill_uniform(std::span<float> values);
  float normal();                            ///< mean 0, standard deviation 1
  std::uint32_t below(std::uint32_t bound);  ///< 0 .. bound-1, unbiased; bound >= 1

  /// Values drawn so far, in 32-bit words; restoring it restores the stream.
  std::uint64_t position() const { return position_; }
  void seek(std::uint64_t position) { position_ = position; }

 private:
  std::array<std::uint32_t, 2> key_{};
  std::uint64_t fork_ = 0;  // upper half of the counter
  std::uint64_t position_ = 0;
};

}  // namespace quench
