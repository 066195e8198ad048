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
  DatasetFormat format;
  DatasetPair (*load)(const DatasetSpec& spec);
};

DatasetPair cifar10(const DatasetSpec& spec) {
  require(spec.train_size == 0 && spec.test_size == 0,
          "cifar10: expected data.train_size and data.test_size to be 0, because its files decide "
          "them, got {} and {}; train.max_steps_per_epoch shortens an epoch",
          spec.train_size, spec.test_size);
  return load_cifar10(spec.data_dir);
}

DatasetPair synthetic(const DatasetSpec& spec) {
  constexpr std::int64_t kTrainSize = 8000;
  constexpr std::int64_t kTestSize = 2000;
  return make_synthetic(spec.seed, spec.train_size == 0 ? kTrainSize : spec.train_size,
                        spec.test_size == 0 ? kTestSize : spec.test_size);
}

constexpr std::array kSources{
    Source{"synthetic",
           "10 classes of figures and textures, 32x32, drawn by the program; no download",
           {{3, 32, 32}, 10},
           synthetic},
    Source{"cifar10",
           "10 classes of photographs, 32x32, 50000 + 10000 (Krizhevsky 2009)",
           {{3, 32, 32}, 10},
           cifar10},
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
  for (const Source& source : kSources) entries.push_back({source.name, source.description});
  return entries;
}

DatasetFormat dataset_format(const DatasetSpec& spec) { return find(spec.name).format; }

DatasetPair load_dataset(const DatasetSpec& spec) {
  require(spec.train_size >= 0 && spec.test_size >= 0,
          "dataset: expected sizes >= 0 (0 is the default), got {} and {}", spec.train_size,
          spec.test_size);
  return find(spec.name).load(spec);
}

}  // namespace quench::datasets
