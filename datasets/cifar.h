#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace quench::datasets {

/// CIFAR-10 (Krizhevsky 2009) from its binary version: data_batch_1.bin to data_batch_5.bin for
/// training and test_batch.bin, in `data_dir` or in its folder cifar-10-batches-bin. A file may
/// hold any number of records, so a small excerpt works as well.
///
/// @throws std::runtime_error  if the folder or a file is missing, a file is empty or ends inside a
///                             record, or a label is above 9; the message names file and record
DatasetPair load_cifar10(const std::filesystem::path& data_dir);
/// The class names, in label order.
std::vector<std::string> cifar10_classes();

/// CIFAR-100, likewise: train.bin and test.bin, in `data_dir` or in its folder cifar-100-binary. A
/// record has a coarse label, which is ignored, and one of 100 fine labels. Their names come from
/// fine_label_names.txt in the same folder, if it exists.
DatasetPair load_cifar100(const std::filesystem::path& data_dir);

enum class CifarSet : std::uint8_t { cifar10, cifar100 };
/// Appends the images and labels of one file to `images`.
/// @param path  the file, for messages
/// @throws std::runtime_error  as above
void append_cifar(CifarSet set, std::span<const std::byte> file, const std::string& path,
                  ImageList& images);

}  // namespace quench::datasets
