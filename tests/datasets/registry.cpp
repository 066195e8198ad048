#include "datasets/registry.h"

#include <doctest/doctest.h>

#include <stdexcept>

using namespace quench::datasets;

TEST_CASE("registry: every listed set has a description, and the built-in one loads by name") {
  for (const DatasetEntry& entry : known_datasets()) {
    CAPTURE(entry.name);
    CHECK_FALSE(entry.description.empty());
  }
  const DatasetPair pair =
      load_dataset({.name = "synthetic", .seed = 1, .train_size = 30, .test_size = 10});
  CHECK(pair.train->size() == 30);
  CHECK(pair.test->size() == 10);
}

TEST_CASE("registry: an unknown name lists the known ones") {
  CHECK_THROWS_WITH_AS(
      load_dataset({.name = "cifra10"}),
      "unknown data set 'cifra10'; did you mean 'cifar10'? (accepted: synthetic, cifar10, "
      "cifar100, mnist, fashion_mnist, imagefolder)",
      std::invalid_argument);
  CHECK_THROWS_WITH_AS(load_dataset({.name = "synthetic", .train_size = -1}),
                       "dataset: expected sizes >= 0 (0 is the default), got -1 and 0",
                       std::invalid_argument);
}
