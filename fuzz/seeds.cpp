// seeds FOLDER: writes small valid files of each kind to FOLDER/<target>/, as the fuzzers' initial
// corpus. Past findings are in fuzz/found/<target>/.

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "core/safetensors.h"
#include "datasets/sample_images.h"
#include "deploy/network/model_file.h"
#include "deploy/small_network.h"
#include "experiments/compare/comparison.h"
#include "experiments/runs/epoch_metrics.h"
#include "experiments/runs/metrics.h"
#include "experiments/runs/run_history.h"
#include "fuzz/onnx_seeds.h"
#include "support/error.h"
#include "support/file.h"

namespace {

namespace fs = std::filesystem;
using namespace quench;

using Bytes = std::vector<std::byte>;

Bytes to_bytes(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

Bytes from_hex(std::string_view hex) {
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  return bytes;
}

class Corpus {
 public:
  explicit Corpus(fs::path folder) : folder_(std::move(folder)) {}
  void add(const std::string& target, const Bytes& bytes) {
    const fs::path folder = folder_ / target;
    fs::create_directories(folder);
    write_file_atomically(folder / fmt::format("seed-{}", count_++), std::span(bytes));
  }
  void add(const std::string& target, std::string_view text) { add(target, to_bytes(text)); }

 private:
  fs::path folder_;
  int count_ = 0;
};

void add_configs(Corpus& corpus) {
  corpus.add("config", R"([model]
name = "binarynet" # a comment
width = 0.25
[quant]
method = 'ste'
weight = { bits = 1, granularity = "per_channel" }
override = [ { match = "fc*", weight = { bits = 8 } }, { match = "conv?", method = "none" } ]
[quant.ab]
end = 0.8
[train]
milestones = [1, 2_000, 0x1f]
lr = 1.5e-3
seed = -7
shuffle = true
)");
  corpus.add("config",
             "quant.weight.bits=4\n[[a.b]]\nx = \"\"\"two\nlines \\u00e9\"\"\"\n[[a.b]]\ny = [inf, "
             "nan]\n");
  corpus.add("config", "a.\"b.c\".d = [[1], [2.0, -0.0]]\ne = 1979-05-27T07:32:00Z\n");
}

void add_tensors(Corpus& corpus, const fs::path& scratch) {
  TensorFile file;
  file.tensors["weight"] = Tensor::from_row_major<float>({2, 3}, std::vector<float>(6, 0.5f));
  file.tensors["mask"] = Tensor::from_row_major<std::uint8_t>({3}, std::vector<std::uint8_t>(3, 1));
  file.tensors["step"] = Tensor::from_row_major<double>({}, std::vector<double>{3.0});
  file.tensors["image"] =
      Tensor::from_row_major<std::int8_t>({1, 2, 1, 2}, std::vector<std::int8_t>(4, -1));
  file.metadata["model"] = "binarynet";
  write_safetensors(scratch, file);
  corpus.add("safetensors", read_file(scratch));
  fs::remove(scratch);
  // Without the checksum, mutations reach deeper code.
  const std::string header = R"({"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},)"
                             R"("__metadata__":{"b":"c"}})";
  std::string text(8, '\0');
  text[0] = static_cast<char>(header.size());
  corpus.add("safetensors", text + header + std::string(8, '\1'));
}

void add_images(Corpus& corpus) {
  using namespace datasets;
  for (const std::string_view hex : {kBaselineJpeg, kSubsampledJpeg, kProgressiveJpeg, kCmykJpeg,
                                     kRotatedJpeg, kPalettePng, kAlphaPng}) {
    corpus.add("image", from_hex(hex));
  }
  std::string bmp("BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\2\0\0\0\2\0\0\0\1\0\x18\0\0\0\0\0\x10",
                  35);
  corpus.add("image", bmp + std::string(35, '\7'));
}

void add_datasets(Corpus& corpus) {
  corpus.add("cifar", std::string(3073, '\1'));
  corpus.add("cifar", std::string(3074, '\2'));
  corpus.add("idx", std::string("\0\0\x08\1\0\0\0\3\1\2\3", 11));
  corpus.add("idx",
             std::string("\0\0\x08\3\0\0\0\1\0\0\0\x1c\0\0\0\x1c", 16) + std::string(784, '\5'));
  corpus.add("labels", "index\tfolder\tname\n0\tn01440764\ttench\n1\tb\t\r\n\n2\tc\td\te");
}

void add_runs(Corpus& corpus, const fs::path& scratch) {
  experiments::MetricsWriter writer(scratch);
  writer.append({.epoch = 1, .step = 40, .loss = 1.25, .train_top1 = 31.5, .lr = 0.01});
  writer.append({.epoch = 2, .step = 80, .loss = 1e-9, .top1_quantized = 100.0, .alpha = 0.5});
  corpus.add("metrics", read_file(scratch));
  fs::remove(scratch);
  corpus.add(
      "epoch_metrics",
      experiments::line_of({.row = {.epoch = 1, .loss = 1.25},
                            .wall_time = 1.7e9,
                            .layers = {{"conv1.weight", {{"alpha", 0.5}, {"sign_flips", 0.25}}}}}));

  const experiments::Versions versions{.quench = "1.0",
                                       .commit = "abc-dirty",
                                       .onednn = "2.6.3",
                                       .compiler = "gcc",
                                       .cpu = "EPYC",
                                       .threads = 2,
                                       .seed = 7,
                                       .command_line = {"quench", "train"}};
  corpus.add("versions", experiments::versions_text(versions));
  corpus.add("versions",
             experiments::history_text({.parts = {{.versions = versions},
                                                  {.epoch = 2,
                                                   .checkpoint = "last.safetensors",
                                                   .changes = {{"train.epochs", "2", "4"}},
                                                   .versions = versions}},
                                        .config = "[train]\nepochs = 4\n"}));
  corpus.add("versions", experiments::comparison_text(
                             {.name = "a",
                              .config = "a.toml",
                              .variants = {{.variant = {.name = "ste", .overrides = {"b=1"}},
                                            .config = "[a]\n",
                                            .data_dir = "data",
                                            .epochs = 3,
                                            .held_out = true}},
                              .seeds = {0, 1},
                              .threads = 1,
                              .versions = versions}));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const fs::path folder = argv[1];
  fs::create_directories(folder);
  Corpus corpus(folder);
  add_configs(corpus);
  add_tensors(corpus, folder / "scratch");
  add_images(corpus);
  add_datasets(corpus);
  add_runs(corpus, folder / "scratch");
  for (const std::string& file : onnx_seeds()) corpus.add("onnx", file);
  for (const std::string& file : onnx_network_seeds()) corpus.add("onnx_network", file);
  for (const auto& network :
       {testing::small_network(), testing::small_graph(), testing::small_branches()}) {
    Bytes model = deploy::format_model(network);
    model.erase(model.begin(), model.begin() + 12);      // the target adds magic and version,
    model.erase(model.begin() + 4, model.begin() + 12);  // the length of the file,
    model.resize(model.size() - 4);                      // and the checksum
    corpus.add("model", model);
  }
  return 0;
}
