#pragma once

#include <filesystem>

#include "datasets/dataset.h"

namespace quench::datasets {

/// MNIST (LeCun et al. 1998): 28x28, one channel, ten digits, from the files
/// train-images-idx3-ubyte, train-labels-idx1-ubyte and their t10k- counterparts in `data_dir` (or
/// its folder mnist), unpacked.
///
/// @throws std::runtime_error  if a file is missing (saying so if only its .gz is there), has another
///                             magic number or size than its header says, or the numbers of images
///                             and labels differ; the message names the file
DatasetPair load_mnist(const std::filesystem::path& data_dir);

/// Fashion-MNIST (Xiao et al. 2017, arXiv:1708.07747), likewise; its folder may be fashion-mnist.
DatasetPair load_fashion_mnist(const std::filesystem::path& data_dir);

}  // namespace quench::datasets
