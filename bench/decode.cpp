// Measures whether training would wait for JPEG images: images/s of the loader (read, decode,
// resize, crop, normalize, batch), alternating with a loop that only decodes the same files with
// stb_image on the same number of threads.
//
//   bench_decode FOLDER [THREADS [ROUNDS]]
//
// FOLDER contains one folder per class. The last line is the ratio of the medians.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bench/stb_jpeg.h"
#include "datasets/image_folder.h"
#include "datasets/loader.h"
#include "datasets/transform.h"
#include "support/file.h"

namespace {

using namespace quench;
using namespace quench::datasets;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double images_per_second_decoding(const std::vector<FolderFile>& files, int threads) {
  const auto start = std::chrono::steady_clock::now();
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < files.size(); i = next++) {
      bench::decode_with_stb(read_file(files[i].path));
    }
  };
  std::vector<std::jthread> others;
  for (int i = 1; i < threads; ++i) others.emplace_back(work);
  work();
  others.clear();  // joins the threads
  return static_cast<double>(files.size()) / seconds_since(start);
}

double images_per_second_loading(Loader& loader, std::int64_t images) {
  const auto start = std::chrono::steady_clock::now();
  loader.start_epoch(0);
  while (loader.next()) {
  }
  return static_cast<double>(images) / seconds_since(start);
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

void run(const std::string& folder, int threads, int rounds) {
  const ImageFolderOptions options;
  const auto images = open_image_folder(folder, options).test;
  const FolderPaths paths = find_folders(folder, options.paths);
  const std::vector<FolderFile> files = list_files(paths.test, read_classes(paths));
  const Normalization numbers = normalization("torchvision", 3);
  const Transform transform{.mean = {numbers.mean.begin(), numbers.mean.end()},
                            .std = {numbers.std.begin(), numbers.std.end()}};
  Loader loader(images, transform, {.batch_size = 32, .threads = threads});
  std::vector<double> decoding, loading;
  images_per_second_decoding(files, threads);  // loads the files into the page cache
  images_per_second_loading(loader, images->size());
  for (int round = 0; round < rounds; ++round) {
    decoding.push_back(images_per_second_decoding(files, threads));
    loading.push_back(images_per_second_loading(loader, images->size()));
  }
  fmt::print(
      "{} images, {} threads\n  stb_image alone  {:.0f} img/s\n  loader           {:.0f} img/s\n"
      "  ratio            {:.3f}\n",
      images->size(), threads, median(decoding), median(loading),
      median(loading) / median(decoding));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 4) {
    fmt::print(stderr, "usage: {} FOLDER [THREADS [ROUNDS]]\n", argv[0]);
    return 2;
  }
  try {
    run(argv[1], argc > 2 ? std::max(1, std::atoi(argv[2])) : 2,
        argc > 3 ? std::max(1, std::atoi(argv[3])) : 7);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
