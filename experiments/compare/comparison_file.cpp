#include <nlohmann/json.hpp>

#include "experiments/compare/comparison.h"
#include "support/error.h"
#include "support/file.h"
#include "support/strict_json.h"

namespace quench::experiments {
namespace {

constexpr std::size_t kMaxComparisonDepth = 4;  // {variants: [{overrides: [..]}]}

nlohmann::ordered_json to_json(const ComparedVariant& variant) {
  return {{"name", variant.variant.name}, {"overrides", variant.variant.overrides},
          {"epochs", variant.epochs},     {"held_out", variant.held_out},
          {"data_dir", variant.data_dir}, {"config", variant.config}};
}

ComparedVariant variant_from(const nlohmann::json& json) {
  return {.variant = {.name = json.at("name"), .overrides = json.at("overrides")},
          .config = json.at("config"),
          .data_dir = json.at("data_dir"),
          .epochs = integer_from<std::int64_t>(json.at("epochs"), "epochs"),
          .held_out = json.at("held_out")};
}

}  // namespace

std::string comparison_text(const Comparison& comparison) {
  nlohmann::ordered_json variants = nlohmann::ordered_json::array();
  for (const ComparedVariant& variant : comparison.variants) variants.push_back(to_json(variant));
  const nlohmann::ordered_json json{
      {"name", comparison.name},
      {"config", comparison.config},
      {"seeds", comparison.seeds},
      {"threads", comparison.threads},
      {"versions", nlohmann::ordered_json::parse(versions_text(comparison.versions))},
      {"variants", variants}};
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Comparison comparison_from_text(const std::string& text, const std::string& path) {
  try {
    const nlohmann::json json =
        parse_strict_json(std::as_bytes(std::span(text)), kMaxComparisonDepth, "comparison");
    Comparison comparison{.name = json.at("name"),
                          .config = json.at("config"),
                          .threads = integer_from<int>(json.at("threads"), "threads"),
                          .versions = versions_from_text(json.at("versions").dump())};
    for (const auto& seed : json.at("seeds"))
      comparison.seeds.push_back(integer_from<std::uint64_t>(seed, "seeds"));
    for (const auto& variant : json.at("variants"))
      comparison.variants.push_back(variant_from(variant));
    return comparison;
  } catch (const nlohmann::json::exception& error) {
    fail("{}: expected a comparison as quench compare writes it, got {}", path, error.what());
  } catch (const std::runtime_error& error) {
    fail("{}: {}", path, error.what());
  }
}

void write_comparison(const std::filesystem::path& path, const Comparison& comparison) {
  write_file_atomically(path, comparison_text(comparison));
}

Comparison read_comparison(const std::filesystem::path& path) {
  return comparison_from_text(read_text(path), path.string());
}

}  // namespace quench::experiments
