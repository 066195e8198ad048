// cnv [FOLDER]: the 1-bit network CNV that others trained for CIFAR-10, as integers, compared with
// its known accuracies. FOLDER, or $QUENCH_CNV, holds
//
//   cnv_w1a1_cifar10.safetensors         the network, see deploy/import_cnv.h
//   test_batch.bin                       10,000 test pictures from their JPEG copy
//   cifar10-lossless-train4000.bin       4000 training pictures without loss
//
// both in CIFAR-10's binary format. Missing image files are skipped; without the network
// the test counts as skipped.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>

#include "core/parallel.h"
#include "datasets/cifar.h"
#include "datasets/loader.h"
#include "datasets/transform.h"
#include "deploy/engine/engine.h"
#include "deploy/import_cnv.h"
#include "support/error.h"
#include "temporary_folder.h"

namespace quench {
namespace {

namespace fs = std::filesystem;
using deploy::Engine;

constexpr int kSkipped = 77;  // for Meson
constexpr std::int64_t kAlsoInterpreted = 20;

/// Everything in the network is an exact integer, so every machine must get the same count. For
/// the lossless images, 98.08 % are known; for the JPEG copy, 73.7 % are known for some 5000 images, and
/// 74.01 % holds for all.
struct Pictures {
  const char* file;
  std::int64_t count, right;
};

constexpr Pictures kPictures[]{
    {"test_batch.bin", 10000, 7401},
    {"cifar10-lossless-train4000.bin", 4000, 3923},
};

/// The images of one file, which the reader treats as the whole set.
std::shared_ptr<datasets::Dataset> read_pictures(const fs::path& file) {
  const TemporaryFolder folder;
  for (const char* name : {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                           "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"})
    fs::create_symlink(fs::absolute(file), folder / name);
  return datasets::load_cifar10(folder.path()).test;
}

bool same(const Tensor& a, const Tensor& b, std::int64_t rows) {
  return std::equal(a.data(), a.data() + rows * a.dim(1), b.data());
}

bool check(Engine& engine, const Pictures& pictures, const fs::path& file) {
  const auto dataset = read_pictures(file);
  const auto [mean, std] = datasets::normalization("tf", 3);
  datasets::Loader loader(dataset,
                          {.mean = {mean.begin(), mean.end()}, .std = {std.begin(), std.end()}},
                          {.batch_size = 250});
  std::int64_t right = 0, seen = 0;
  bool interpreted = true;
  loader.start_epoch(0);
  while (const auto batch = loader.next()) {
    const Tensor logits = engine(batch->images);
    if (batch->index == 0) {
      Tensor few(batch->images.shape().with(0, kAlsoInterpreted));
      std::copy_n(batch->images.data(), few.numel(), few.data());
      interpreted =
          same(deploy::logits_of(engine.network(), deploy::interpret(engine.network(), few)),
               logits, kAlsoInterpreted);
    }
    for (std::int64_t i = 0; i < logits.dim(0); ++i, ++seen) {
      const float* row = logits.data() + i * logits.dim(1);
      const std::int64_t best = std::max_element(row, row + logits.dim(1)) - row;
      right += best == batch->labels.data<std::int32_t>()[i];
    }
  }
  fmt::print("{}: {} of {} right, expected {} of {}; the interpreter {}\n", pictures.file, right,
             seen, pictures.right, pictures.count, interpreted ? "agrees" : "differs");
  return interpreted && right == pictures.right && seen == pictures.count;
}

int run(const fs::path& folder) {
  const fs::path weights = folder / "cnv_w1a1_cifar10.safetensors";
  if (folder.empty() || !fs::exists(weights)) {
    fmt::print("skipped: the folder in QUENCH_CNV has no {}\n", weights.filename().string());
    return kSkipped;
  }
  set_num_threads(static_cast<int>(std::max(1U, std::thread::hardware_concurrency())));
  Engine engine(deploy::import_cnv(read_safetensors(weights)));
  bool passed = true;
  for (const Pictures& pictures : kPictures) {
    if (fs::exists(folder / pictures.file))
      passed &= check(engine, pictures, folder / pictures.file);
    else
      fmt::print("{}: not found\n", pictures.file);
  }
  return passed ? 0 : 1;
}

}  // namespace
}  // namespace quench

int main(int argc, char** argv) {
  try {
    quench::require(argc <= 2, "usage: cnv [FOLDER]");
    const char* folder = argc == 2 ? argv[1] : std::getenv("QUENCH_CNV");
    return quench::run(folder == nullptr ? "" : folder);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
