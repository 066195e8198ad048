#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace quench::datasets {

/// The contents of an IDX file (http://yann.lecun.com/exdb/mnist).
struct Idx {
  std::vector<std::uint32_t> sizes;  ///< entries first: [N] or [N, H, W]
  std::vector<std::uint8_t> values;  ///< row-major
};

inline constexpr std::uint32_t kIdxImages = 0x803;  ///< unsigned bytes, 3 dimensions
inline constexpr std::uint32_t kIdxLabels = 0x801;  ///< 1 dimension

/// Reads the bytes of an IDX file of 28 x 28 images or of labels.
/// @param magic  kIdxImages or kIdxLabels
/// @param name   of set and file, for messages
/// @throws std::runtime_error  naming what is wrong: another magic number, images of another size,
///                             more or fewer bytes than the sizes say
Idx parse_idx(std::span<const std::byte> bytes, std::uint32_t magic, const std::string& name);

}  // namespace quench::datasets
