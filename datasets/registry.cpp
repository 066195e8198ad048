#include "datasets/registry.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/suggest.h"
#include "datasets/cifar10.h"
#include "datasets/synthetic.h"

namespace quench::datasets {
namespace {

struct Source {
  const char* name;
  const char* description;
  int channels;
  const char* normalization;
  DatasetFormat (*format)(const DatasetSpec& spec);
  DatasetPair (*load)(const DatasetSpec& spec);
};

/// Of sets whose files decide how many images there are.
void require_default_sizes(const DatasetSpec& spec) {
  require(spec.train_size == 0 && spec.test_size == 0,
          "{}: expected data.train_size and data.test_size to be 0, because its files decide "
          "them, got {} and {}; train.max_steps_per_epoch shortens an epoch",
          spec.name, spec.train_size, spec.test_size);
}

DatasetFormat ten_classes_32x32(const DatasetSpec&) { return {{3, 32, 32}, 10}; }

DatasetPair cifar10(const DatasetSpec& spec) {
  require_default_sizes(spec);
  return load_cifar10(spec.data_dir);
}

DatasetFormat image_folder_shape(const DatasetSpec& spec) {
  return image_folder_format(spec.data_dir, spec.folder);
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
           ten_classes_32x32, synthetic},
    Source{"cifar10", "10 classes of photographs, 32x32, 50000 + 10000 (Krizhevsky 2009)", 3,
           "cifar10", ten_classes_32x32, cifar10},
    Source{"imagefolder", "your own photographs: a folder per class, JPEG, PNG or BMP", 3,
           "torchvision", image_folder_shape, image_folder},
};

std::vector<std::string> known_names() {
  std::vector<std::string> names;
  for (const Source& source : kSources) names.emplace_back(source.name);
  return names;
}

const Source& find(const std::string& name) {
  const auto* found = std::ranges::find(kSources, name, &Source::name);
  require(found != kSources.end(), "dataset: unknown set '{}'{}", name,
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

DatasetFormat dataset_format(const DatasetSpec& spec) { return find(spec.name).format(spec); }

DatasetPair load_dataset(const DatasetSpec& spec) {
  require(spec.train_size >= 0 && spec.test_size >= 0,
          "dataset: expected sizes >= 0 (0 is the default), got {} and {}", spec.train_size,
          spec.test_size);
  return find(spec.name).load(spec);
}

}  // namespace quench::datasets
