#include "datasets/cifar.h"

#include <sstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "support/error.h"
#include "support/file.h"

namespace quench::datasets {
namespace {

constexpr std::size_t kPlane = 32 * 32;
constexpr std::size_t kImageBytes = 3 * kPlane;

/// One of the two sets. A record has its labels, of which the last is used, then the planes R, G,
/// B.
struct CifarFormat {
  const char* name;
  const char* folder;  // the archive's own folder
  std::size_t labels;
  unsigned classes;
  const char* hint;
  std::size_t record_bytes() const { return labels + kImageBytes; }
};

constexpr CifarFormat kCifar10{"cifar10", "cifar-10-batches-bin", 1, 10,
                               "pass --data-dir or run examples/get_cifar10.sh"};
constexpr CifarFormat kCifar100{"cifar100", "cifar-100-binary", 2, 100,
                                "pass --data-dir with the unpacked cifar-100-binary.tar.gz"};

std::filesystem::path find_folder(const CifarFormat& format,
                                  const std::filesystem::path& data_dir) {
  std::error_code ignored;  // a folder that cannot be read counts as missing
  std::filesystem::path unpacked = data_dir / format.folder;
  if (std::filesystem::is_directory(unpacked, ignored)) return unpacked;
  if (std::filesystem::is_directory(data_dir, ignored)) return data_dir;
  fail("{}: expected a folder with the binary version of the set, but \"{}\" does not exist; {}",
       format.name, data_dir.string(), format.hint);
}

std::vector<std::byte> read_records(const CifarFormat& format, const std::filesystem::path& path) {
  try {
    return read_file(path);
  } catch (const std::runtime_error& error) {
    fail("{}: {}; {}", format.name, error.what(), format.hint);
  }
}

void check_size(const CifarFormat& format, std::size_t size, const std::string& path) {
  const std::size_t record = format.record_bytes();
  if (size != 0 && size % record == 0) return;
  fail(
      "{}: {}: expected one or more records of {} bytes, got {} bytes (record {} has {}); "
      "the download may be incomplete",
      format.name, path, record, size, size / record, size % record);
}

/// Appends one record's image; converts planes C, H, W to pixels H, W, C.
void append_image(const std::uint8_t* planes, std::vector<std::uint8_t>& pixels) {
  for (std::size_t i = 0; i < kPlane; ++i) {
    for (std::size_t channel = 0; channel < 3; ++channel) {
      pixels.push_back(planes[channel * kPlane + i]);
    }
  }
}

void append_file(const CifarFormat& format, std::span<const std::byte> file,
                 const std::string& path, ImageList& images) {
  check_size(format, file.size(), path);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(file.data());
  const std::size_t records = file.size() / format.record_bytes();
  images.pixels.reserve(images.pixels.size() + records * kImageBytes);
  for (std::size_t record = 0; record < records; ++record) {
    const std::uint8_t* planes = bytes + record * format.record_bytes() + format.labels;
    const std::uint8_t label = planes[-1];
    if (label >= format.classes) {
      fail("{}: {}: record {}: expected a label in 0..{}, got {}", format.name, path, record,
           format.classes - 1, label);
    }
    images.labels.push_back(label);
    append_image(planes, images.pixels);
  }
}

std::shared_ptr<Dataset> load_files(const CifarFormat& format, const std::filesystem::path& folder,
                                    const std::vector<std::string>& class_names,
                                    const std::vector<const char*>& files) {
  ImageList images;
  images.shape = {.channels = 3, .height = 32, .width = 32};
  images.class_names = class_names;
  for (const char* file : files) {
    const std::filesystem::path path = folder / file;
    append_file(format, read_records(format, path), path.string(), images);
  }
  return memory_dataset(std::move(images));
}

/// One name per line; numbers if the file does not exist.
std::vector<std::string> read_names(const CifarFormat& format, const std::filesystem::path& path) {
  std::vector<std::string> names;
  if (std::filesystem::exists(path)) {
    std::istringstream lines(read_text(path, kMaxTextBytes));
    for (std::string line; std::getline(lines, line);) {
      if (!line.empty()) names.push_back(line);
    }
  }
  if (names.empty()) {
    for (unsigned i = 0; i < format.classes; ++i) names.push_back(fmt::format("class {}", i));
  }
  if (names.size() != format.classes) {
    fail("{}: {}: expected {} names, got {}", format.name, path.string(), format.classes,
         names.size());
  }
  return names;
}

}  // namespace

void append_cifar(CifarSet set, std::span<const std::byte> file, const std::string& path,
                  ImageList& images) {
  append_file(set == CifarSet::cifar10 ? kCifar10 : kCifar100, file, path, images);
}

std::vector<std::string> cifar10_classes() {
  return {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
}

DatasetPair load_cifar10(const std::filesystem::path& data_dir) {
  const std::filesystem::path folder = find_folder(kCifar10, data_dir);
  const std::vector<std::string> names = cifar10_classes();
  return {.train = load_files(kCifar10, folder, names,
                              {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                               "data_batch_4.bin", "data_batch_5.bin"}),
          .test = load_files(kCifar10, folder, names, {"test_batch.bin"})};
}

DatasetPair load_cifar100(const std::filesystem::path& data_dir) {
  const std::filesystem::path folder = find_folder(kCifar100, data_dir);
  const auto names = read_names(kCifar100, folder / "fine_label_names.txt");
  return {.train = load_files(kCifar100, folder, names, {"train.bin"}),
          .test = load_files(kCifar100, folder, names, {"test.bin"})};
}

}  // namespace quench::datasets
