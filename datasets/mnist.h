#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace quench::datasets {

/// MNIST (LeCun et al. 1998): 28x28, one channel, ten digits, from the files
/// train-images-idx3-ubyte, train-labels-idx1-ubyte and their t10k- counterparts in `data_dir` (or
/// its folder mnist), unpacked.
///
/// @throws std::runtime_error  if a file is missing (the message says if only its .gz exists), has
///                             another magic number or size than its header says, or if the numbers
///                             of images and labels differ; the message names the file
DatasetPair load_mnist(const std::filesystem::path& data_dir);

/// Fashion-MNIST (Xiao et al. 2017, arXiv:1708.07747), likewise; its folder may be fashion-mnist.
DatasetPair load_fashion_mnist(const std::filesystem::path& data_dir);

/// The contents of an IDX file (http://yann.lecun.com/exdb/mnist).
struct Idx {
  std::vector<std::uint32_t> sizes;  ///< entries first: [N] or [N, H, W]
  std::vector<std::uint8_t> values;  ///< row-major
};

inline constexpr std::uint32_t kIdxImages = 0x803;  ///< unsigned bytes, 3 dimensions
inline constexpr std::uint32_t kIdxLabels = 0x801;  ///< 1 dimension

/// Parses an IDX file of 28 x 28 images or of labels.
/// @param magic  kIdxImages or kIdxLabels
/// @param name   the set and file, for messages
/// @throws std::runtime_error  for another magic number, images of another size, or another number
///                             of bytes than the header says
Idx parse_idx(std::span<const std::byte> bytes, std::uint32_t magic, const std::string& name);

}  // namespace quench::datasets
