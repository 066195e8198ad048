// onnx_cases FOLDER: networks as ONNX files, with images and the logits that quench gives for them, for
// onnx_runtime.js to compare: each network of the registry with several methods and bits, as floats, with scales in the
// operands and with scales behind the sums.

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/file.h"
#include "deploy/engine.h"
#include "deploy/freeze.h"
#include "deploy/onnx/export_float.h"
#include "deploy/onnx/export_integers.h"
#include "deploy/small_network.h"
#include "deploy/trained_network.h"
#include "onnx/write.h"

namespace {

using namespace quench;
using namespace quench::deploy;

constexpr std::int64_t kImages = 16;

class Cases {
 public:
  explicit Cases(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
  }

  void add(const std::string& name, const std::string& form, const OnnxModel& model,
           const Tensor& images, const Tensor& logits) {
    const std::string file = fmt::format("{}-{}", name, form);
    write_onnx(folder_ / (file + ".onnx"), model);
    write(file + ".images", images.to_row_major());
    write(file + ".logits", logits.to_row_major());
    list_.push_back({{"name", name},
                     {"form", form},
                     {"file", file},
                     {"dims", {images.dim(0), images.dim(1), images.dim(2), images.dim(3)}},
                     {"classes", logits.dim(1)}});
  }

  void add_integers(const std::string& name, const IntegerNetwork& network, const Tensor& images) {
    const Tensor logits = Engine(network)(images);
    add(name, "operands", export_integers(network, {}), images, logits);
    const bool offset = std::ranges::any_of(
        network.values, [](const Value& v) { return v.grid && v.grid->offset != 0.0f; });
    if (!offset)
      add(name, "sums", export_integers(network, {.scales = OnnxScales::sums}), images, logits);
  }

  void finish() const { write_file_atomically(folder_ / "cases.json", list_.dump(1)); }

 private:
  void write(const std::string& name, const std::vector<float>& values) const {
    write_file_atomically(folder_ / name, std::as_bytes(std::span(values)));
  }

  std::filesystem::path folder_;
  nlohmann::json list_ = nlohmann::json::array();
};

void add_network(Cases& cases, const testing::QuantizedCase& c) {
  const std::string bits =
      fmt::format("{}-{}", c.weight_bits == 0 ? c.bits : c.weight_bits, c.bits);
  fmt::print("{} {} {}\n", c.model, c.method, bits);
  const auto network = testing::trained_network(c);
  const Shape image{1, 3, c.image_size, c.image_size};
  const Tensor images = testing::random_tensor({kImages, 3, c.image_size, c.image_size}, 9);
  cases.add_integers(fmt::format("{}-{}-{}", c.model, c.method, bits), freeze(*network, image),
                     images);
  if (c.method != "ab" || c.weight_bits != 0) return;
  network->set_quantizer_mode(quant::Mode::bypass);
  const NoGradGuard no_grad;
  cases.add(c.model, "float", export_float(*network, image, std::nullopt), images,
            (*network)(Variable(images)).value());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  Cases cases(argv[1]);
  const IntegerNetwork small = testing::small_network();
  cases.add_integers("small", small, testing::random_tensor({kImages, 3, 6, 6}, 3));
  for (const char* method : {"ab", "ste"})
    add_network(cases, {.model = "binarynet", .image_size = 32, .method = method, .bits = 1});
  for (const models::ModelInfo& model : models::registered_models()) {
    if (model.name == "binarynet" || model.name == "cnv") continue;  // made for one bit
    for (const char* method : {"ab", "symmetric", "tqt"}) {
      add_network(cases, {.model = model.name, .method = method});
      add_network(cases, {.model = model.name, .method = method, .weight_bits = 4});
    }
  }
  cases.finish();
  return 0;
}
