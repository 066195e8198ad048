#include "experiments/runs/quantize_record.h"

#include <nlohmann/json.hpp>

#include "support/error.h"
#include "support/file.h"

namespace quench::train {

QuantizeRecord read_quantize_record(const std::filesystem::path& path) {
  const std::string text = read_text(path);
  try {
    const nlohmann::json json = nlohmann::json::parse(text);
    return {.top1_quantized = json.at("top1_quantized").get<double>(),
            .top1_float = json.at("top1_float").get<double>(),
            .images = json.value("images", std::int64_t{0}),
            .checkpoint = json.value("checkpoint", "")};
  } catch (const nlohmann::json::exception& error) {
    fail("{}: {}", path.string(), error.what());
  }
}

}  // namespace quench::train
