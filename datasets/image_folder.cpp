#include "datasets/image_folder.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "datasets/resize.h"
#include "support/error.h"

namespace quench::datasets {
namespace {

class ImageFolder final : public Dataset {
 public:
  ImageFolder(std::vector<FolderFile> files, std::vector<std::string> names,
              const ImageFolderOptions& options)
      : files_(std::move(files)),
        names_(std::move(names)),
        options_(options),
        kept_(options.cache_bytes > 0 ? files_.size() : 0),
        room_(options.cache_bytes) {}

  std::int64_t size() const override { return static_cast<std::int64_t>(files_.size()); }
  int num_classes() const override { return static_cast<int>(names_.size()); }
  ImageShape image_shape() const override {
    return {
        .channels = Image::kChannels, .height = options_.image_size, .width = options_.image_size};
  }
  const std::vector<std::string>& class_names() const override { return names_; }

  int read(std::int64_t index, std::span<std::uint8_t> pixels) const override {
    const FolderFile& file = at(index, pixels);
    const Image image = load(index);
    central_view(image.view(), options_.short_side, options_.image_size, options_.image_size,
                 pixels.data());
    return file.label;
  }

  int read_box(std::int64_t index, const ChooseBox& choose,
               std::span<std::uint8_t> pixels) const override {
    const FolderFile& file = at(index, pixels);
    const Image image = load(index);
    const Box box = choose(image.width, image.height);
    const int side = options_.image_size;
    resize(image.view().part(box), side, side, {.width = side, .height = side}, pixels.data());
    return file.label;
  }

 private:
  const FolderFile& at(std::int64_t index, std::span<std::uint8_t> pixels) const {
    require(index >= 0 && index < size(), "imagefolder: expected an index in 0..{}, got {}",
            size() - 1, index);
    const std::size_t bytes = image_shape().bytes();
    require(pixels.size() == bytes,
            "imagefolder: expected a buffer of {} bytes for an image, got {}", bytes,
            pixels.size());
    return files_[static_cast<std::size_t>(index)];
  }

  Image load(std::int64_t index) const {
    const auto at = static_cast<std::size_t>(index);
    const std::filesystem::path& path = files_[at].path;
    if (options_.cache_bytes == 0) return decode_image_file(path, options_.decode);
    {
      const std::lock_guard lock(mutex_);
      if (kept_[at].pixels != nullptr) return kept_[at];
    }
    Image image = decode_image_file(path, options_.decode);
    const std::lock_guard lock(mutex_);
    const auto bytes = static_cast<std::int64_t>(image.bytes());
    if (kept_[at].pixels == nullptr && bytes <= room_) {
      kept_[at] = image;
      room_ -= bytes;
    }
    return image;
  }

  std::vector<FolderFile> files_;
  std::vector<std::string> names_;
  ImageFolderOptions options_;

  mutable std::mutex mutex_;  // guards the members below
  mutable std::vector<Image> kept_;
  mutable std::int64_t room_;  // bytes
};

/// The reason why each file cannot be decoded; empty if it can.
std::vector<std::string> find_faults(const std::vector<FolderFile>& files,
                                     const ImageFolderOptions& options) {
  std::vector<std::string> faults(files.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < files.size(); i = next++) {
      try {
        decode_image_file(files[i].path, options.decode);
      } catch (const std::runtime_error& error) {
        faults[i] = error.what();
      }
    }
  };
  std::vector<std::jthread> threads;
  for (int i = 1; i < options.threads; ++i) threads.emplace_back(work);
  work();
  threads.clear();  // joins them
  return faults;
}

/// The files that can be decoded; adds the faults of the others to `left_out`.
std::vector<FolderFile> sound_files(std::vector<FolderFile> files,
                                    const ImageFolderOptions& options,
                                    std::vector<std::string>& left_out) {
  std::vector<std::string> faults = find_faults(files, options);
  std::vector<FolderFile> sound;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (faults[i].empty()) {
      sound.push_back(std::move(files[i]));
    } else {
      left_out.push_back(std::move(faults[i]));
    }
  }
  if (sound.empty()) {
    fail("imagefolder: none of {} files can be decoded; the first: {}", files.size(),
         left_out.front());
  }
  return sound;
}

void validate(const ImageFolderOptions& options) {
  require(options.image_size >= 1, "imagefolder: expected data.image_size >= 1, got {}",
          options.image_size);
  require(options.short_side >= options.image_size,
          "imagefolder: expected data.resize >= data.image_size, got {} and {}", options.short_side,
          options.image_size);
  require(options.cache_bytes >= 0, "imagefolder: expected cache_bytes >= 0, got {}",
          options.cache_bytes);
  require(options.threads >= 1, "imagefolder: expected threads >= 1, got {}", options.threads);
}

}  // namespace

DatasetPair open_image_folder(const std::filesystem::path& root,
                              const ImageFolderOptions& options) {
  validate(options);
  const FolderPaths paths = find_folders(root, options.paths);
  const FolderClasses classes = read_classes(paths);
  const auto count = static_cast<int>(classes.names.size());
  require(options.classes == 0 || options.classes == count,
          "data.classes: expected {}, the number of classes in {}, got {}", count,
          (paths.labels.empty() ? paths.train : paths.labels).string(), options.classes);
  DatasetPair pair;
  const auto open = [&](const std::filesystem::path& folder) {
    std::vector<FolderFile> files = list_files(folder, classes);
    if (options.skip_bad) files = sound_files(std::move(files), options, pair.left_out);
    return std::make_shared<ImageFolder>(std::move(files), classes.names, options);
  };
  pair.train = open(paths.train);
  pair.test = paths.test == paths.train ? pair.train : open(paths.test);
  return pair;
}

int count_image_folder_classes(const std::filesystem::path& root,
                               const ImageFolderOptions& options) {
  validate(options);
  if (options.classes > 0) return options.classes;
  // A list of labels suffices, wherever the images are.
  const bool listed = !options.paths.labels.empty();
  const FolderPaths paths = listed ? options.paths : find_folders(root, options.paths);
  return static_cast<int>(read_classes(paths).names.size());
}

}  // namespace quench::datasets
