#include "experiments/config/config_reference.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "quant/registry.h"

using namespace quench;
using namespace quench::experiments;

namespace {

/// The key of a table, or of the one that holds it under a condition.
SettingInfo key_of(const std::string& table, const std::string& key,
                   const std::string& condition = "") {
  for (const ConfigTable& candidate : config_reference()) {
    const bool is_it = std::ranges::find(candidate.names, table) != candidate.names.end() &&
                       candidate.condition == condition;
    const auto found = std::ranges::find(candidate.keys, key, &SettingInfo::key);
    if (is_it && found != candidate.keys.end()) return *found;
  }
  FAIL("no key " << table << "." << key);
  return {};
}

}  // namespace

TEST_CASE("config_reference: defaults and ranges are those of the papers and of the readers") {
  CHECK(key_of("optimizer", "beta2").fallback == "0.999");  // Adam (Kingma & Ba 2015)
  CHECK(key_of("optimizer", "beta2").accepts == "a number >= 0 and < 1");
  CHECK(key_of("quant.twn", "threshold_factor").fallback == "0.7");  // Li & Liu 2016
  CHECK(key_of("quant.fat", "alpha_max").fallback == "1.0");
  CHECK(key_of("quant.weight", "bits").accepts == "an integer in 1..8");
  CHECK(key_of("calibration.gptq", "damping").fallback == "0.01");  // Frantar et al. 2022
  CHECK(key_of("calibration.qdrop", "keep").fallback == "0.5");     // Wei et al. 2022
  CHECK(key_of("data", "normalize", "name = \"mnist\"").fallback == "\"mnist\"");
  CHECK(key_of("model", "stride_style", "name = \"resnet50\", \"resnet50_v2\"").fallback ==
        "\"v15\"");
  CHECK(key_of("model", "head", "onnx = \"FILE\"").accepts == "one of \"file\", \"replace\"");
}

TEST_CASE("config_reference: keys without a default are required, or may be absent") {
  CHECK(key_of("distill", "teacher").required);
  CHECK(key_of("quant.override[]", "match").required);
  CHECK_FALSE(key_of("quant.first_layer", "bits").required);
  CHECK_FALSE(key_of("model", "name").required);
}

TEST_CASE("config_reference: every key has a meaning and occurs once in its table") {
  for (const ConfigTable& table : config_reference()) {
    CAPTURE(table.names.front());
    for (std::size_t i = 0; i < table.keys.size(); ++i) {
      CAPTURE(table.keys[i].key);
      CHECK_FALSE(table.keys[i].meaning.empty());
      if (i > 0) CHECK(table.keys[i - 1].key < table.keys[i].key);
    }
  }
}

TEST_CASE("config_reference: a method of an outside program is part of it") {
  quant::register_quantizer({.name = "reference_probe", .summary = "for this test"},
                            [](const quant::SlotSpec& spec) -> std::unique_ptr<quant::Quantizer> {
                              spec.settings.number({"sigmas", "in standard deviations"}, 3.0);
                              throw std::invalid_argument("made for no slot");
                            });
  CHECK(key_of("quant.reference_probe", "sigmas").meaning == "in standard deviations");
}
