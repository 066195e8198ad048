#include "datasets/cifar10.h"

#include <fstream>
#include <initializer_list>
#include <iterator>
#include <system_error>
#include <utility>
#include <vector>

#include "core/error.h"
#include "datasets/memory_dataset.h"

namespace quench::datasets {
namespace {

constexpr std::size_t kPlane = 32 * 32;
constexpr std::size_t kImageBytes = 3 * kPlane;
constexpr std::size_t kRecordBytes = 1 + kImageBytes;  // label, then the planes R, G, B
constexpr unsigned kClasses = 10;
constexpr const char* kHint = "pass --data-dir or run examples/get_cifar10.sh";

std::filesystem::path find_folder(const std::filesystem::path& data_dir) {
  std::error_code ignored;  // a folder that cannot be read counts as missing
  std::filesystem::path unpacked = data_dir / "cifar-10-batches-bin";
  if (std::filesystem::is_directory(unpacked, ignored)) return unpacked;
  if (std::filesystem::is_directory(data_dir, ignored)) return data_dir;
  fail(
      "cifar10: expected a folder with the binary version of CIFAR-10, got \"{}\", which is none; "
      "{}",
      data_dir.string(), kHint);
}

std::vector<std::uint8_t> read_file(const std::filesystem::path& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) fail("cifar10: cannot read {} ({}); {}", path.string(), error.message(), kHint);
  if (size == 0 || size % kRecordBytes != 0) {
    fail(
        "cifar10: {}: expected one or more records of {} bytes, got {} bytes (record {} has {}); "
        "the download may be incomplete",
        path.string(), kRecordBytes, size, size / kRecordBytes, size % kRecordBytes);
  }
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (!file)
    fail("cifar10: {}: expected to read {} bytes, got {}", path.string(), size, file.gcount());
  return bytes;
}

/// Appends the image of one record, turning the planes C, H, W into pixels H, W, C.
void append_image(const std::uint8_t* planes, std::vector<std::uint8_t>& pixels) {
  for (std::size_t i = 0; i < kPlane; ++i) {
    for (std::size_t channel = 0; channel < 3; ++channel) {
      pixels.push_back(planes[channel * kPlane + i]);
    }
  }
}

void append_file(const std::filesystem::path& path, ImageList& images) {
  const std::vector<std::uint8_t> bytes = read_file(path);
  const std::size_t records = bytes.size() / kRecordBytes;
  images.pixels.reserve(images.pixels.size() + records * kImageBytes);
  for (std::size_t record = 0; record < records; ++record) {
    const std::uint8_t* begin = bytes.data() + record * kRecordBytes;
    if (*begin >= kClasses) {
      fail("cifar10: {}: record {}: expected a label in 0..{}, got {}", path.string(), record,
           kClasses - 1, *begin);
    }
    images.labels.push_back(*begin);
    append_image(begin + 1, images.pixels);
  }
}

std::shared_ptr<Dataset> load_files(const std::filesystem::path& folder,
                                    std::initializer_list<const char*> names) {
  ImageList images;
  images.shape = {.channels = 3, .height = 32, .width = 32};
  images.class_names = {"airplane", "automobile", "bird",  "cat",  "deer",
                        "dog",      "frog",       "horse", "ship", "truck"};
  for (const char* name : names) append_file(folder / name, images);
  return memory_dataset(std::move(images));
}

}  // namespace

DatasetPair load_cifar10(const std::filesystem::path& data_dir) {
  const std::filesystem::path folder = find_folder(data_dir);
  return {.train = load_files(folder, {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                       "data_batch_4.bin", "data_batch_5.bin"}),
          .test = load_files(folder, {"test_batch.bin"})};
}

}  // namespace quench::datasets
