#include "datasets/normalization.h"

#include <algorithm>
#include <array>

#include "support/error.h"
#include "support/suggest.h"

namespace quench::datasets {
namespace {

struct Convention {
  const char* name;
  int channels;  // 0: any, all alike
  std::array<double, 3> mean, std;
};

// Of the sets: over the training images, times 255.
constexpr std::array kConventions{
    Convention{"tf", 0, {127.5}, {127.5}},
    Convention{"unit", 0, {0.0}, {255.0}},
    Convention{"torchvision", 3, {123.675, 116.28, 103.53}, {58.395, 57.12, 57.375}},
    Convention{"cifar10", 3, {125.3, 123.0, 113.9}, {63.0, 62.1, 66.7}},
    Convention{"cifar100", 3, {129.3, 124.1, 112.4}, {68.2, 65.4, 70.4}},
    Convention{"mnist", 1, {33.318}, {78.567}},
    Convention{"fashion_mnist", 1, {72.94}, {90.02}},
};

bool fits(const Convention& convention, int channels) {
  return convention.channels == 0 || convention.channels == channels;
}

}  // namespace

std::vector<std::string> known_normalizations(int channels) {
  std::vector<std::string> names;
  for (const Convention& convention : kConventions) {
    if (fits(convention, channels)) names.emplace_back(convention.name);
  }
  return names;
}

Normalization normalization(const std::string& name, int channels) {
  const auto* found = std::ranges::find(kConventions, name, &Convention::name);
  require(found != kConventions.end() && fits(*found, channels),
          "normalization: expected a convention for {} channels, got '{}'{}", channels, name,
          suggestion(name, known_normalizations(channels)));
  Normalization result;
  for (int c = 0; c < channels; ++c) {
    const auto entry = static_cast<std::size_t>(found->channels == 0 ? 0 : c);
    result.mean.push_back(found->mean[entry]);
    result.std.push_back(found->std[entry]);
  }
  return result;
}

}  // namespace quench::datasets
