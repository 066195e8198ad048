#include "datasets/mnist.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "datasets/dataset.h"
#include "support/error.h"
#include "support/file.h"

namespace quench::datasets {
namespace {

namespace fs = std::filesystem;

constexpr int kMnistSide = 28;
constexpr std::size_t kClasses = 10;

struct Set {
  const char* name;
  const char* folder;  // an optional folder inside the data folder
  std::array<const char*, kClasses> classes;
};

constexpr Set kMnist{"mnist", "mnist", {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}};
constexpr Set kFashion{"fashion_mnist",
                       "fashion-mnist",
                       {"T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt",
                        "sneaker", "bag", "ankle boot"}};

std::vector<std::byte> read_bytes(const Set& set, const fs::path& path) {
  if (!fs::exists(path)) {
    fs::path packed = path;
    packed += ".gz";
    if (fs::exists(packed)) {
      fail("{}: expected {}, found only {}: unpack it with gunzip", set.name, path.string(),
           packed.filename().string());
    }
    fail("{}: {} does not exist; pass --data-dir", set.name, path.string());
  }
  return read_file(path);
}

Idx read_idx(const Set& set, const fs::path& path, std::uint32_t magic) {
  return parse_idx(read_bytes(set, path), magic, fmt::format("{}: {}", set.name, path.string()));
}

std::shared_ptr<Dataset> load_part(const Set& set, const fs::path& folder,
                                   const std::string& part) {
  const fs::path image_file = folder / (part + "-images-idx3-ubyte");
  const fs::path label_file = folder / (part + "-labels-idx1-ubyte");
  Idx images = read_idx(set, image_file, kIdxImages);
  Idx labels = read_idx(set, label_file, kIdxLabels);
  if (images.sizes[0] != labels.sizes[0]) {
    fail("{}: expected as many labels in {} as images, got {} and {}", set.name,
         label_file.string(), labels.sizes[0], images.sizes[0]);
  }
  for (std::size_t i = 0; i < labels.values.size(); ++i) {
    if (labels.values[i] >= kClasses) {
      fail("{}: {}: entry {}: expected a label in 0..{}, got {}", set.name, label_file.string(), i,
           kClasses - 1, labels.values[i]);
    }
  }
  return memory_dataset({.shape = {.channels = 1, .height = kMnistSide, .width = kMnistSide},
                         .class_names = {set.classes.begin(), set.classes.end()},
                         .pixels = std::move(images.values),
                         .labels = std::move(labels.values)});
}

DatasetPair load(const Set& set, const fs::path& data_dir) {
  std::error_code ignored;
  const fs::path inside = data_dir / set.folder;
  const fs::path folder = fs::is_directory(inside, ignored) ? inside : data_dir;
  return {.train = load_part(set, folder, "train"), .test = load_part(set, folder, "t10k")};
}

/// The big-endian 32-bit word `index` of a file; 0 beyond the end.
std::uint32_t word(std::span<const std::byte> bytes, std::size_t index) {
  std::uint32_t value = 0;
  for (std::size_t i = 4 * index; i < 4 * index + 4; ++i)
    value = value << 8 | (i < bytes.size() ? std::to_integer<std::uint32_t>(bytes[i]) : 0);
  return value;
}

}  // namespace

DatasetPair load_mnist(const fs::path& data_dir) { return load(kMnist, data_dir); }

DatasetPair load_fashion_mnist(const fs::path& data_dir) { return load(kFashion, data_dir); }

Idx parse_idx(std::span<const std::byte> bytes, std::uint32_t magic, const std::string& name) {
  if (word(bytes, 0) != magic) {
    fail("{}: expected an IDX file with the magic number {:#x}, got {:#x}", name, magic,
         word(bytes, 0));
  }
  const std::size_t dimensions = magic & 0xff;
  Idx idx;
  for (std::size_t i = 1; i <= dimensions; ++i) idx.sizes.push_back(word(bytes, i));
  if (dimensions == 3 && (idx.sizes[1] != kMnistSide || idx.sizes[2] != kMnistSide)) {
    fail("{}: expected images of {} x {}, got {} x {}", name, kMnistSide, kMnistSide, idx.sizes[1],
         idx.sizes[2]);
  }
  // Cannot overflow: at most 2^32 entries of 28 x 28.
  const std::size_t count =
      std::size_t{idx.sizes[0]} * (dimensions == 3 ? kMnistSide * kMnistSide : 1);
  const std::size_t header = 4 * (1 + dimensions);
  if (bytes.size() != header + count) {
    fail("{}: expected {} bytes for {} entries, got {}; the download may be incomplete", name,
         header + count, idx.sizes[0], bytes.size());
  }
  const auto* values = reinterpret_cast<const std::uint8_t*>(bytes.data()) + header;
  idx.values.assign(values, values + count);
  return idx;
}

}  // namespace quench::datasets
