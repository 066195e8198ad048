#include "datasets/registry.h"

#include <algorithm>
#include <array>

#include "datasets/cifar.h"
#include "datasets/mnist.h"
#include "datasets/synthetic.h"
#include "support/error.h"
#include "support/suggest.h"

namespace quench::datasets {
namespace {

struct Source {
  const char* name;
  const char* description;
  int channels;
  const char* normalization;
  ImageShape (*shape)(const DatasetSpec& spec);
  int (*classes)(const DatasetSpec& spec);
  DatasetPair (*load)(const DatasetSpec& spec);
};

/// For sets whose files determine the number of images.
void require_default_sizes(const DatasetSpec& spec) {
  require(spec.train_size == 0 && spec.test_size == 0,
          "{}: expected data.train_size and data.test_size to be 0, because its files determine "
          "them, got {} and {}; train.max_steps_per_epoch shortens an epoch",
          spec.name, spec.train_size, spec.test_size);
}

template <int Channels, int Side>
ImageShape fixed_shape(const DatasetSpec&) {
  return {Channels, Side, Side};
}

template <int Classes>
int fixed_classes(const DatasetSpec&) {
  return Classes;
}

/// A set that its files define completely.
template <DatasetPair (*Load)(const std::filesystem::path& data_dir)>
DatasetPair from_files(const DatasetSpec& spec) {
  require_default_sizes(spec);
  return Load(spec.data_dir);
}

ImageShape folder_shape(const DatasetSpec& spec) {
  return {.channels = Image::kChannels,
          .height = spec.folder.image_size,
          .width = spec.folder.image_size};
}

int folder_classes(const DatasetSpec& spec) {
  return count_image_folder_classes(spec.data_dir, spec.folder);
}

DatasetPair image_folder(const DatasetSpec& spec) {
  require_default_sizes(spec);
  return open_image_folder(spec.data_dir, spec.folder);
}

DatasetPair synthetic(const DatasetSpec& spec) {
  constexpr std::int64_t kTrainSize = 8000;
  constexpr std::int64_t kTestSize = 2000;
  return make_synthetic(spec.seed, spec.train_size == 0 ? kTrainSize : spec.train_size,
                        spec.test_size == 0 ? kTestSize : spec.test_size);
}

constexpr std::array kSources{
    Source{"synthetic",
           "10 classes of figures and textures, 32x32, drawn by the program; no download", 3, "tf",
           fixed_shape<3, 32>, fixed_classes<10>, synthetic},
    Source{"cifar10", "10 classes of photographs, 32x32, 50000 + 10000 (Krizhevsky 2009)", 3,
           "cifar10", fixed_shape<3, 32>, fixed_classes<10>, from_files<load_cifar10>},
    Source{"cifar100", "100 classes of photographs, 32x32, 50000 + 10000 (Krizhevsky 2009)", 3,
           "cifar100", fixed_shape<3, 32>, fixed_classes<100>, from_files<load_cifar100>},
    Source{"mnist", "10 handwritten digits, 28x28 grey, 60000 + 10000 (LeCun et al. 1998)", 1,
           "mnist", fixed_shape<1, 28>, fixed_classes<10>, from_files<load_mnist>},
    Source{"fashion_mnist", "10 kinds of clothes, 28x28 grey, 60000 + 10000 (Xiao et al. 2017)", 1,
           "fashion_mnist", fixed_shape<1, 28>, fixed_classes<10>, from_files<load_fashion_mnist>},
    Source{"imagefolder", "your own photographs: a folder per class, JPEG, PNG or BMP", 3,
           "torchvision", folder_shape, folder_classes, image_folder},
};

std::vector<std::string> known_names() {
  std::vector<std::string> names;
  for (const Source& source : kSources) names.emplace_back(source.name);
  return names;
}

const Source& find(const std::string& name) {
  const auto* found = std::ranges::find(kSources, name, &Source::name);
  require(found != kSources.end(), "unknown data set '{}'{}", name,
          suggestion(name, known_names()));
  return *found;
}

}  // namespace

std::vector<DatasetEntry> known_datasets() {
  std::vector<DatasetEntry> entries;
  for (const Source& source : kSources) {
    entries.push_back({source.name, source.description, source.channels, source.normalization});
  }
  return entries;
}

ImageShape dataset_image_shape(const DatasetSpec& spec) { return find(spec.name).shape(spec); }

DatasetFormat dataset_format(const DatasetSpec& spec) {
  const Source& source = find(spec.name);
  return {source.shape(spec), source.classes(spec)};
}

DatasetPair load_dataset(const DatasetSpec& spec) {
  require(spec.train_size >= 0 && spec.test_size >= 0,
          "dataset: expected sizes >= 0 (0 is the default), got {} and {}", spec.train_size,
          spec.test_size);
  return find(spec.name).load(spec);
}

}  // namespace quench::datasets
